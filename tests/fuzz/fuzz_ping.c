/* fuzz_ping.c: any bytes as answers to a ping that is under way, and as requests to an echo server. The first byte says which of
 * the packets sent an answer is made to look like, the second what it is; the rest is its data. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/echo.h"
#include "nscan/ping.h"
#include "nscan/ping_payload.h"
#include "nscan/wire.h"

enum { PACKETS = 8, HEADER_BYTES = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static const uint16_t ports[] = {40000, 40001};

static struct ping *start(bool icmp, struct probe sent[PACKETS])
{
	static struct ping_config config = {
	        .dst = {4, {10, 0, 0, 2}},
	        .source_ports = ports,
	        .source_port_count = 2,
	        .count = PACKETS, /* and so its memory is small */
	        .interval_ns = 1000000,
	        .data_bytes = PING_DEFAULT_BYTES,
	};
	struct ping *ping;

	config.path.source = (struct addr){4, {10, 0, 0, 1}};
	config.path.kind = LINK_RAW_IP;
	config.port = icmp ? 0 : 9000;
	ping = ping_new(&config, 0, NULL);
	if (!ping)
		abort();
	for (int i = 0; i < PACKETS; i++)
		require(ping_next_packet(ping, i * config.interval_ns, &sent[i]));
	return ping;
}

/* The input as a reply that concerns `to`, as far as its second byte wants it to. */
static struct reply reply_to(const struct probe *to, uint8_t what, const uint8_t *data, size_t n)
{
	struct reply r = {
	        .kind = (enum reply_kind)(what % (REPLY_OTHER + 1)),
	        .src = to->dst,
	        .dst = to->src,
	        .src_port = to->dst_port,
	        .dst_port = to->src_port,
	        .icmp_id = to->icmp_id,
	        .icmp_sequence = (uint16_t)(to->icmp_sequence ^ what >> 5),
	        .icmp_type = ICMP4_UNREACHABLE,
	        .icmp_code = what >> 4,
	        .data = n ? data : NULL,
	        .data_bytes = n,
	};

	r.quote = (struct quote){
	        .src = to->src,
	        .dst = to->dst,
	        .protocol = to->kind == PROBE_UDP ? IP_PROTO_UDP : IP_PROTO_ICMP,
	        .has_ports = true,
	        .src_port = to->src_port,
	        .dst_port = to->dst_port,
	        .has_udp_checksum = true,
	        .udp_checksum = (uint16_t)(to->udp_checksum ^ what >> 6),
	        .ip_id = to->ip_id,
	        .has_icmp_id = true,
	        .icmp_type = ICMP4_ECHO,
	        .icmp_id = to->icmp_id,
	        .icmp_sequence = to->icmp_sequence,
	};
	return r;
}

static void answer_ping(const uint8_t *input, uint8_t *data, size_t n)
{
	struct probe sent[PACKETS];
	struct ping *ping = start(input[0] & 0x80, sent);
	struct reply reply = reply_to(&sent[input[0] % PACKETS], input[1], data, n);
	const struct ping_stats *stats = ping_statistics(ping);
	struct ping_event event;
	uint64_t results = 0;

	for (int again = 0; again < 2; again++) {
		if (!ping_receive(ping, &reply, 20000000, &event))
			continue;
		require(event.sequence >= 1 && event.sequence <= PACKETS);
		require(event.result > PING_WAITING && event.result < PING_RESULT_COUNT);
		require(event.bytes <= n && event.wrong_bytes <= n && event.first_wrong <= n);
	}
	for (int i = 0; i < PING_RESULT_COUNT; i++)
		results += stats->results[i];
	require(results == stats->probes && stats->probes == PACKETS);
	require(stats->received <= 2 && stats->received + stats->waiting + ping_stats_lost(stats) == stats->packets);
	ping_free(ping);
}

static void ask_echo_server(const uint8_t *input, uint8_t *data, size_t n)
{
	static const uint8_t key[HASH_KEY_BYTES];
	static struct echo *echo; /* one for all inputs: it is large */
	static int64_t now_ns;
	struct echo_request request = {.src = {4, {10, 0, 0, input[0]}},
	                               .src_port = input[1],
	                               .dst_port = 9000,
	                               .to_one = input[0] & 1,
	                               .data = data,
	                               .n = n};
	bool is_new;

	if (!echo)
		echo = echo_new(0, key, NULL);
	if (!echo)
		abort();
	now_ns += 1000000;
	if (echo_take(echo, &request, now_ns, &is_new)) {
		require(n >= PING_STAMPED_LEAST && ping_payload_role(data, n) == PING_ANSWERS);
		require(!echo_take(echo, &request, now_ns, &is_new)); /* an answer is never answered */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	uint8_t *data;

	if (n < HEADER_BYTES)
		return 0;
	/* A block of its own, so that the sanitizer sees every read past the end. */
	data = malloc(n - HEADER_BYTES + (n == HEADER_BYTES));
	if (!data)
		return 0;
	memcpy(data, input + HEADER_BYTES, n - HEADER_BYTES);
	answer_ping(input, data, n - HEADER_BYTES);
	ask_echo_server(input, data, n - HEADER_BYTES);
	free(data);
	return 0;
}
