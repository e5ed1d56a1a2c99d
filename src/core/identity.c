/* identity.c: the keyed hash from which every probe's identity is taken. */
#include <string.h>

#include "nscan/bytes.h"
#include "nscan/probe.h"

/* Every field has its fixed place, so that no two asks are ever written as the same bytes. */
enum { AT_KIND = 0, AT_SRC = 1, AT_DST = 18, AT_PORT = 35, AT_ATTEMPT = 37, ASK_BYTES = 39 };

static void put_addr(uint8_t *p, const struct addr *a)
{
	p[0] = a->family;
	memcpy(p + 1, a->bytes, sizeof(a->bytes));
}

uint64_t probe_identity(const struct probe_settings *settings, const struct ask *ask)
{
	uint8_t bytes[ASK_BYTES];

	bytes[AT_KIND] = (uint8_t)ask->kind;
	put_addr(bytes + AT_SRC, &ask->src);
	put_addr(bytes + AT_DST, &ask->dst);
	put_u16(bytes + AT_PORT, ask->port);
	put_u16(bytes + AT_ATTEMPT, ask->attempt);
	return siphash(settings->key, bytes, sizeof(bytes));
}
