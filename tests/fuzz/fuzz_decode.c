/* fuzz_decode.c: any bytes as a frame; the first byte chooses the link type, the rest is the frame. What decodes is given
 * to every probe kind, as the engine would. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/decode.h"
#include "nscan/probe.h"
#include "nscan/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What decode.h promises of every reply. */
static void check_reply(const struct reply *reply, const uint8_t *frame, size_t n, bool good)
{
	const struct quote *quote = &reply->quote;

	require(good == (reply->kind != REPLY_NONE));
	require((reply->data == NULL) == (reply->data_bytes == 0));
	if (reply->data)
		require(reply->data >= frame && reply->data_bytes <= n - (size_t)(reply->data - frame));
	if (good)
		require(addr_is_set(&reply->src) && reply->src.family == reply->dst.family);
	require(addr_is_set(&quote->src) == (reply->kind == REPLY_ICMP_ERROR));
	require(quote->bytes <= n);
	require(quote->has_ports || !quote->has_udp_checksum);
	if (reply->kind == REPLY_ICMP_ERROR)
		require(icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code) != NULL);
}

/* An ask that this reply would be about, so that the comparisons behind the addresses are reached. */
static struct ask ask_about(enum probe_kind kind, const struct reply *reply)
{
	bool error = reply->kind == REPLY_ICMP_ERROR;

	return (struct ask){
	        .kind = kind,
	        .src = error ? reply->quote.src : reply->dst,
	        .dst = error ? reply->quote.dst : reply->src,
	        .port = kind != PROBE_UDP ? 0
	                : error           ? reply->quote.dst_port
	                                  : reply->src_port,
	};
}

static void match_all(const struct reply *reply)
{
	static const uint8_t bytes[] = {1, 2, 3};
	static const struct payload data = {
	        .name = "data", .nonce_offset = -1, .bytes = bytes, .byte_count = sizeof(bytes)};
	uint16_t source_port = reply->kind == REPLY_ICMP_ERROR ? reply->quote.src_port : reply->dst_port;
	struct probe_settings settings = {.source_ports = &source_port, .source_port_count = 1, .data = &data};

	for (int kind = 0; kind < PROBE_KIND_COUNT; kind++) {
		struct ask ask = ask_about((enum probe_kind)kind, reply);
		enum match match = probe_modules[kind]->matches(&settings, &ask, reply);

		require(match == MATCH_NO || reply->kind != REPLY_NONE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	/* The first two stand where the seeds of the corpus expect them. */
	static const enum frame_link links[] = {FRAME_ETHERNET, FRAME_RAW_IP,     FRAME_COOKED, FRAME_COOKED2,
	                                        FRAME_NULL,     FRAME_LOOP,       FRAME_PPP,    FRAME_PPP_HDLC,
	                                        FRAME_PPPOE,    FRAME_CISCO_HDLC, FRAME_IPV4,   FRAME_IPV6};
	struct reply reply;
	uint8_t *frame;
	bool good;

	if (n < 1)
		return 0;
	/* A block of its own, so that the sanitizer sees every read past the end. */
	frame = malloc(n > 1 ? n - 1 : 1);
	if (!frame)
		return 0;
	memcpy(frame, input + 1, n - 1);
	good = decode_frame(links[input[0] % (sizeof(links) / sizeof(links[0]))], frame, n - 1, &reply);
	check_reply(&reply, frame, n - 1, good);
	match_all(&reply);
	free(frame);
	return 0;
}
