/* pmtu_search.c: sizes: the plateau table, and which to try between one that passes and one that does not. */
#include "pmtu_internal.h"

/* RFC 1191 7.1, for routers that name no size. */
static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

/* MTUs of links and tunnels in use, descending. The first to be tried are marked. */
static const struct {
	uint16_t bytes;
	bool first;
} usual[] = {
        {65535, false}, {16384, false}, {9216, false}, {9198, false}, {9180, false}, {9000, true},  {8900, false},
        {8192, false},  {8166, false},  {4470, false}, {4352, true},  {2304, false}, {2048, false}, {2002, false},
        {1600, false},  {1546, false},  {1500, true},  {1496, false}, {1492, true},  {1488, false}, {1484, false},
        {1480, false},  {1476, false},  {1472, true},  {1468, false}, {1464, false}, {1460, false}, {1458, false},
        {1454, false},  {1452, false},  {1450, true},  {1448, false}, {1446, false}, {1442, false}, {1440, false},
        {1436, false},  {1434, false},  {1430, false}, {1428, false}, {1426, false}, {1424, false}, {1422, false},
        {1420, true},   {1416, false},  {1412, false}, {1408, false}, {1406, false}, {1404, false}, {1400, true},
        {1396, false},  {1392, false},  {1390, false}, {1386, false}, {1380, false}, {1376, false}, {1372, false},
        {1370, false},  {1362, false},  {1360, false}, {1358, false}, {1354, false}, {1350, false}, {1340, false},
        {1330, false},  {1320, false},  {1300, false}, {1280, true},  {1260, false}, {1240, false}, {1200, false},
        {1100, false},  {1024, false},  {1006, false}, {800, false},  {576, true},   {552, false},  {508, false},
        {400, false},   {296, false},   {128, false},  {68, false},
};
enum { USUAL_COUNT = sizeof(usual) / sizeof(usual[0]), ETHERNET_MTU = 1500 };

uint32_t plateau_below(uint32_t bytes)
{
	for (size_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < bytes)
			return plateaus[i];
	return PMTU_LEAST;
}

bool mtu_is_usual(uint32_t bytes)
{
	for (size_t i = 0; i < USUAL_COUNT; i++)
		if (usual[i].bytes == bytes)
			return true;
	return false;
}

/* Those of the table between lo and hi, at most so many of them, evenly picked. */
static size_t from_table(uint32_t lo, uint32_t hi, bool first_only, size_t most, uint16_t out[LADDER_MOST])
{
	size_t begin = 0, count = 0, taken = 0, seen = 0;

	for (size_t i = 0; i < USUAL_COUNT; i++)
		count += usual[i].bytes > lo && usual[i].bytes < hi && (usual[i].first || !first_only);
	if (count > most)
		begin = count - count / most * most; /* the smallest always: a pass narrows down most */
	for (size_t i = 0; i < USUAL_COUNT && taken < most; i++) {
		size_t step = count > most ? count / most : 1;

		if (usual[i].bytes <= lo || usual[i].bytes >= hi || (!usual[i].first && first_only))
			continue;
		if (seen++ >= begin && (seen - 1 - begin) % step == 0)
			out[taken++] = usual[i].bytes;
	}
	return taken;
}

bool ladder_has_usual(uint32_t lo, uint32_t hi)
{
	for (size_t i = 0; i < USUAL_COUNT; i++)
		if (usual[i].first && usual[i].bytes > lo && usual[i].bytes < hi)
			return true;
	return false;
}

size_t ladder(uint32_t lo, uint32_t hi, uint32_t margin, size_t most, uint16_t out[LADDER_MOST])
{
	size_t count;

	if (hi <= lo + 1)
		return 0;
	if (most > LADDER_MOST)
		most = LADDER_MOST;
	/* Where jumbo frames fail it is nearly always because somebody has 1500. */
	if (lo < ETHERNET_MTU && hi > ETHERNET_MTU + margin) {
		out[0] = (uint16_t)(ETHERNET_MTU + margin);
		out[1] = ETHERNET_MTU;
		return 2;
	}
	count = from_table(lo, hi, true, most, out);
	if (count == 0)
		count = from_table(lo, hi, false, most, out);
	if (count > 0)
		return count;
	if (hi - lo - 1 < most)
		most = hi - lo - 1;
	for (size_t i = 0; i < most; i++)
		out[i] = (uint16_t)(hi - (hi - lo) * (i + 1) / (most + 1));
	return most;
}
