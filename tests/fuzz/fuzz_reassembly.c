/* fuzz_reassembly.c: any row of fragments, 8 bytes of input each; what comes out whole is decoded, as the engine would. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "nscan/bytes.h"
#include "nscan/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_outcome(enum reassembly_verdict verdict, const struct datagram *d)
{
	struct reply reply;

	require((verdict == REASSEMBLY_WHOLE) == (d->packet != NULL));
	require((verdict == REASSEMBLY_REFUSED) == (d->why != NULL));
	if (verdict != REASSEMBLY_WHOLE)
		return;
	require(d->fragments > 0 && d->bytes >= 20 && d->bytes <= DATAGRAM_MAX_BYTES + 40);
	if (decode_frame(FRAME_RAW_IP, d->packet, d->bytes, &reply))
		require(reply.kind != REPLY_FRAGMENT && reply.kind != REPLY_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	struct reassembly *r = reassembly_new();
	struct cursor c = cursor_of(input, n);
	int64_t now_ns = 0;

	if (!r)
		return 0;
	while (cursor_left(&c) >= 8) {
		uint8_t flags = cursor_u8(&c), id = cursor_u8(&c);
		uint16_t offset = cursor_u16(&c) & 0xfff8, length = cursor_u16(&c), seconds = cursor_u16(&c);
		uint8_t six[16] = {0xfd};
		uint16_t captured = flags & 2 ? length / 2 : length;
		uint8_t *data = malloc(captured ? captured : 1);
		struct reply fragment = {
		        .kind = REPLY_FRAGMENT,
		        .src = flags & 4 ? addr_from_bytes(6, six) : addr_from_v4(0x0a000001),
		        .protocol = flags & 8 ? 17 : 1,
		        .fragment_id = id,
		        .fragment_offset = offset,
		        .more_fragments = flags & 1,
		        .data = data,
		        .data_bytes = captured,
		        .wire_data_bytes = length,
		        .ip_total_bytes = (uint16_t)(20 + length),
		};
		struct datagram d;

		if (!data)
			break;
		for (uint16_t i = 0; i < captured; i++)
			data[i] = (uint8_t)(i ^ (flags >> 4));
		fragment.dst = fragment.src;
		now_ns += (int64_t)(seconds % 64) * 100000000;
		check_outcome(reassembly_take(r, &fragment, now_ns, &d), &d);
		require(reassembly_pending(r) <= REASSEMBLY_DATAGRAMS);
		free(data);
	}
	reassembly_free(r);
	return 0;
}
