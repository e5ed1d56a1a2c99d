/* test_ping.c: --ping's state machine: the beat, repetition, which packet a reply answers, and the counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/ping.h"
#include "nscan/ping_payload.h"
#include "nscan/wire.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

enum { ICMP_HOST_UNREACH = 1 };

static const uint16_t many_ports[] = {40000, 40001, 40002, 40003, 40004};
static const uint8_t router_mac[MAC_BYTES] = {2, 0, 0, 0, 0, 9};

struct fixture {
	struct ping_config config;
	struct ping *ping;
	struct ping_event event;
	struct probe probe;
	uint8_t sent[PAYLOAD_MAX_BYTES]; /* the data of `probe` as it left */
	uint8_t data[PAYLOAD_MAX_BYTES + 8];
};

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct addr){.family = 4, .bytes = {a, b, c, d}};
}

/* A UDP ping without Ethernet, not started yet. */
static struct fixture fixture(void)
{
	struct fixture f = {.config = {
	                            .dst = v4(10, 0, 0, 2),
	                            .port = 9000,
	                            .source_ports = many_ports,
	                            .source_port_count = 1,
	                            .interval_ns = S,
	                            .max_retries = 2,
	                            .data_bytes = PING_DEFAULT_BYTES,
	                    }};

	f.config.path.kind = LINK_RAW_IP;
	f.config.path.source = v4(10, 0, 0, 1);
	f.config.probe.ttl = 64;
	f.config.probe.key[0] = 7;
	return f;
}

static void start(struct fixture *f)
{
	struct err err = {0};

	f->ping = ping_new(&f->config, 0, &err);
	assert_non_null(f->ping);
}

static void stop(struct fixture *f)
{
	ping_free(f->ping);
}

/* The packet due at that time, which has to be there; its data as it leaves goes to f->sent. */
static void send_one(struct fixture *f, int64_t now_ns)
{
	assert_false(ping_expire(f->ping, now_ns, &f->event));
	assert_true(ping_next_packet(f->ping, now_ns, &f->probe));
	assert_true(f->probe.data_bytes <= sizeof(f->sent));
	if (f->probe.data)
		memcpy(f->sent, f->probe.data, f->probe.data_bytes);
	if (f->probe.nonce_offset >= 0)
		put_u16(f->sent + f->probe.nonce_offset, f->probe.nonce);
}

static void nothing_due(struct fixture *f, int64_t now_ns)
{
	struct probe probe;

	assert_false(ping_expire(f->ping, now_ns, &f->event));
	assert_false(ping_next_packet(f->ping, now_ns, &probe));
}

/* A datagram from the target with n bytes of f->data. */
static struct reply datagram(const struct fixture *f, const struct probe *to, size_t n)
{
	return (struct reply){
	        .kind = REPLY_UDP,
	        .src = to->dst,
	        .dst = to->src,
	        .src_port = to->dst_port,
	        .dst_port = to->src_port,
	        .ttl = 63,
	        .data = n ? f->data : NULL,
	        .data_bytes = n,
	};
}

/* What an echo server would answer to the packet last sent. */
static struct reply echo(struct fixture *f)
{
	memcpy(f->data, f->sent, f->probe.data_bytes);
	if (ping_payload_role(f->data, f->probe.data_bytes) == PING_ASKS)
		ping_payload_answer(f->data);
	return datagram(f, &f->probe, f->probe.data_bytes);
}

/* The ICMP error that `from` would send about the packet last sent. */
static struct reply icmp_error(const struct fixture *f, struct addr from, uint8_t code)
{
	return (struct reply){
	        .kind = REPLY_ICMP_ERROR,
	        .src = from,
	        .dst = f->probe.src,
	        .ttl = 63,
	        .icmp_type = ICMP4_UNREACHABLE,
	        .icmp_code = code,
	        .quote = {.src = f->probe.src,
	                  .dst = f->probe.dst,
	                  .protocol = f->probe.kind == PROBE_UDP ? IP_PROTO_UDP : IP_PROTO_ICMP,
	                  .ip_id = f->probe.ip_id,
	                  .has_ports = f->probe.kind == PROBE_UDP,
	                  .src_port = f->probe.src_port,
	                  .dst_port = f->probe.dst_port,
	                  .has_udp_checksum = f->probe.kind == PROBE_UDP,
	                  .udp_checksum = f->probe.udp_checksum,
	                  .has_icmp_id = f->probe.kind == PROBE_ECHO,
	                  .icmp_type = ICMP4_ECHO,
	                  .icmp_id = f->probe.icmp_id,
	                  .icmp_sequence = f->probe.icmp_sequence},
	};
}

static void receive(struct fixture *f, struct reply reply, int64_t at_ns, enum ping_result result)
{
	assert_true(ping_receive(f->ping, &reply, at_ns, &f->event));
	assert_string_equal(ping_result_name(f->event.result), ping_result_name(result));
}

static const struct ping_stats *stats(const struct fixture *f)
{
	return ping_statistics(f->ping);
}

/* ---- the beat ---- */

static void keeps_the_beat(void **state)
{
	struct fixture f = fixture();

	(void)state;
	f.config.count = 3;
	start(&f);
	for (int i = 0; i < 3; i++) {
		assert_true(ping_wake(f.ping) == i * S);
		nothing_due(&f, i * S - 1);
		send_one(&f, i * S + 5 * MS); /* late, but the next is not put off by that */
		assert_int_equal(f.probe.src_port, 40000);
		assert_int_equal(f.probe.dst_port, 9000);
		assert_int_equal(f.probe.data_bytes, 56);
		nothing_due(&f, i * S + 5 * MS);
		receive(&f, echo(&f), i * S + 6 * MS, PING_ECHO);
		assert_int_equal(f.event.sequence, i + 1);
		assert_true(f.event.rtt_ns == MS);
	}
	assert_true(ping_done(f.ping));
	assert_true(ping_wake(f.ping) == INT64_MAX);
	stop(&f);
}

/* A process that was stopped for a minute does not send sixty probes at once. */
static void makes_no_burst(void **state)
{
	struct fixture f = fixture();

	(void)state;
	start(&f);
	send_one(&f, 0);
	receive(&f, echo(&f), MS, PING_ECHO);
	send_one(&f, 60 * S);
	receive(&f, echo(&f), 60 * S + MS, PING_ECHO);
	nothing_due(&f, 60 * S + 2 * MS);
	assert_true(ping_wake(f.ping) == 61 * S);
	stop(&f);
}

/* ---- repetition ---- */

/* 1 s + 2 s + 4 s, as nothing is known of the round trip. */
static void doubles_the_patience(void **state)
{
	struct fixture f = fixture();
	uint16_t checksums[3];

	(void)state;
	f.config.count = 1;
	start(&f);
	for (int i = 0; i < 3; i++) {
		static const int64_t at_ns[] = {0, S, 3 * S};

		assert_true(ping_wake(f.ping) == at_ns[i]);
		nothing_due(&f, at_ns[i] - 1);
		send_one(&f, at_ns[i]);
		checksums[i] = f.probe.udp_checksum;
	}
	assert_int_not_equal(checksums[0], checksums[1]); /* every packet has an identity of its own */
	assert_int_not_equal(checksums[1], checksums[2]);
	nothing_due(&f, 7 * S - 1);
	assert_true(ping_wake(f.ping) == 7 * S);
	assert_true(ping_expire(f.ping, 7 * S, &f.event));
	assert_int_equal(f.event.result, PING_NOTHING);
	assert_int_equal(f.event.tries, 3);
	assert_true(f.event.rtt_ns == 7 * S && !f.event.has_rtt);
	assert_true(ping_done(f.ping));
	assert_int_equal(stats(&f)->packets, 3);
	assert_int_equal(stats(&f)->retransmissions, 2);
	assert_int_equal(ping_stats_lost(stats(&f)), 3);
	assert_int_equal(stats(&f)->results[PING_NOTHING], 1);
	stop(&f);
}

static void obeys_the_timeout(void **state)
{
	struct fixture f = fixture();

	(void)state;
	f.config.count = 1;
	f.config.timeout_ns = 100 * MS;
	start(&f);
	send_one(&f, 0);
	send_one(&f, 100 * MS);
	send_one(&f, 300 * MS);
	nothing_due(&f, 700 * MS - 1);
	assert_true(ping_expire(f.ping, 700 * MS, &f.event));
	stop(&f);
}

static void never_repeats_when_told_so(void **state)
{
	struct fixture f = fixture();

	(void)state;
	f.config.count = 1;
	f.config.max_retries = 0;
	start(&f);
	send_one(&f, 0);
	assert_true(ping_expire(f.ping, S, &f.event));
	assert_int_equal(f.event.tries, 1);
	assert_true(ping_done(f.ping));
	stop(&f);
}

/* The second packet is answered, and then the first one after all: each round trip is its own packet's. */
static void measures_the_packet_answered(void **state)
{
	struct fixture f = fixture();
	struct reply first;
	uint8_t kept[PAYLOAD_MAX_BYTES];

	(void)state;
	f.config.count = 1;
	start(&f);
	send_one(&f, 0);
	first = echo(&f);
	memcpy(kept, f.data, first.data_bytes);
	first.data = kept;
	send_one(&f, S);
	receive(&f, echo(&f), S + 30 * MS, PING_ECHO);
	assert_int_equal(f.event.attempt, 2);
	assert_true(f.event.rtt_ns == 30 * MS);
	assert_false(f.event.late || f.event.again || f.event.duplicate);
	assert_int_equal(ping_stats_lost(stats(&f)), 1);
	receive(&f, first, S + 50 * MS, PING_ECHO);
	assert_int_equal(f.event.attempt, 1);
	assert_true(f.event.rtt_ns == S + 50 * MS);
	assert_true(f.event.late && f.event.again && f.event.reordered && !f.event.duplicate);
	assert_int_equal(ping_stats_lost(stats(&f)), 0);
	assert_int_equal(stats(&f)->received, 2);
	assert_int_equal(stats(&f)->late, 1);
	assert_int_equal(stats(&f)->results[PING_ECHO], 1);
	stop(&f);
}

/* An answer that comes when the probe had been given up turns the verdict. */
static void late_is_not_lost(void **state)
{
	struct fixture f = fixture();
	size_t count;

	(void)state;
	f.config.count = 1;
	f.config.max_retries = 0;
	start(&f);
	send_one(&f, 0);
	assert_true(ping_expire(f.ping, S, &f.event));
	assert_int_equal(ping_ports(f.ping, &count)[0].replied, 0);
	receive(&f, echo(&f), 2 * S, PING_ECHO);
	assert_true(f.event.late && !f.event.again);
	assert_int_equal(stats(&f)->results[PING_NOTHING], 0);
	assert_int_equal(stats(&f)->results[PING_ECHO], 1);
	assert_int_equal(ping_stats_lost(stats(&f)), 0);
	assert_int_equal(ping_ports(f.ping, &count)[0].replied, 1);
	assert_int_equal(ping_ports(f.ping, &count)[0].probes, 1);
	stop(&f);
}

/* ---- what comes back ---- */

static void tells_duplicates(void **state)
{
	struct fixture f = fixture();

	(void)state;
	start(&f);
	send_one(&f, 0);
	receive(&f, echo(&f), MS, PING_ECHO);
	receive(&f, echo(&f), 2 * MS, PING_ECHO);
	assert_true(f.event.duplicate);
	assert_int_equal(stats(&f)->received, 1);
	assert_int_equal(stats(&f)->duplicates, 1);
	assert_int_equal(stats(&f)->answers.count, 1);
	assert_int_equal(stats(&f)->results[PING_ECHO], 1);
	stop(&f);
}

static void tells_what_was_overtaken(void **state)
{
	struct fixture f = fixture();
	struct reply first;
	uint8_t kept[PAYLOAD_MAX_BYTES];

	(void)state;
	f.config.interval_ns = 10 * MS;
	start(&f);
	send_one(&f, 0);
	first = echo(&f);
	memcpy(kept, f.data, first.data_bytes);
	first.data = kept;
	send_one(&f, 10 * MS);
	receive(&f, echo(&f), 15 * MS, PING_ECHO);
	assert_false(f.event.reordered);
	receive(&f, first, 16 * MS, PING_ECHO);
	assert_true(f.event.reordered && !f.event.late);
	assert_int_equal(stats(&f)->reordered, 1);
	stop(&f);
}

static void tells_what_became_of_the_payload(void **state)
{
	struct fixture f = fixture();
	struct reply r;

	(void)state;
	start(&f);
	send_one(&f, 0);
	r = echo(&f);
	f.data[40] ^= 1;
	f.data[55] ^= 0xff;
	receive(&f, r, MS, PING_ALTERED);
	assert_int_equal(f.event.first_wrong, 40);
	assert_int_equal(f.event.wrong_bytes, 2);
	assert_true(f.event.proved);

	send_one(&f, S);
	r = echo(&f);
	r.data_bytes = 50;
	receive(&f, r, S + MS, PING_TRUNCATED);
	assert_int_equal(f.event.bytes, 50);

	send_one(&f, 2 * S);
	r = echo(&f);
	r.data_bytes += 4;
	receive(&f, r, 2 * S + MS, PING_ALTERED);
	assert_int_equal(f.event.wrong_bytes, 4);
	assert_int_equal(f.event.first_wrong, 56);

	send_one(&f, 3 * S);
	r = echo(&f);
	r.data_bytes += 4;
	r.wire_data_bytes = 6000; /* of a jumbo frame the rest was not captured */
	receive(&f, r, 3 * S + MS, PING_ALTERED);
	assert_int_equal(f.event.bytes, 6000);
	assert_int_equal(f.event.wrong_bytes, 6000 - 56);

	send_one(&f, 4 * S); /* an RFC 862 server marks nothing */
	r = echo(&f);
	memcpy(f.data, f.sent, r.data_bytes);
	receive(&f, r, 4 * S + MS, PING_ECHO);

	send_one(&f, 5 * S); /* something else */
	memset(f.data, 'x', 30);
	receive(&f, datagram(&f, &f.probe, 30), 5 * S + MS, PING_ANSWER);
	assert_false(f.event.proved);

	send_one(&f, 6 * S);
	receive(&f, datagram(&f, &f.probe, 0), 6 * S + MS, PING_ANSWER);
	assert_int_equal(f.event.bytes, 0);
	assert_int_equal(stats(&f)->received, 7);
	assert_int_equal(ping_stats_answered(stats(&f)), 7);
	stop(&f);
}

/* A stamp proves the answer though it comes from another address of the host. */
static void believes_a_stamp_from_elsewhere(void **state)
{
	struct fixture f = fixture();
	struct reply r;

	(void)state;
	start(&f);
	send_one(&f, 0);
	r = echo(&f);
	r.src = v4(10, 0, 0, 99);
	receive(&f, r, MS, PING_ECHO);
	assert_true(f.event.proved);
	assert_int_equal(addr_v4(&f.event.from), 0x0a000063);
	stop(&f);
}

static void tells_refusals_from_errors(void **state)
{
	struct fixture f = fixture();
	struct reply r;

	(void)state;
	start(&f);
	send_one(&f, 0);
	receive(&f, icmp_error(&f, f.config.dst, ICMP4_CODE_PORT), 2 * MS, PING_REFUSED);
	assert_string_equal(f.event.icmp_name, "port-unreach");
	assert_true(f.event.rtt_ns == 2 * MS);
	assert_int_equal(stats(&f)->received, 1);
	assert_int_equal(stats(&f)->refusals.count, 1);
	assert_int_equal(stats(&f)->answers.count, 0);
	assert_int_equal(ping_stats_replied(stats(&f)), 1);

	send_one(&f, S); /* the same from a router */
	receive(&f, icmp_error(&f, v4(10, 0, 0, 254), ICMP4_CODE_PORT), S + MS, PING_ERROR);
	send_one(&f, 2 * S);
	receive(&f, icmp_error(&f, v4(10, 0, 0, 254), ICMP_HOST_UNREACH), 2 * S + MS, PING_ERROR);
	assert_string_equal(f.event.icmp_name, "host-unreach");
	assert_int_equal(stats(&f)->received, 1);
	assert_int_equal(stats(&f)->errors, 2);
	assert_int_equal(ping_stats_lost(stats(&f)), 2);
	/* The answer came after all: it weighs more. */
	receive(&f, echo(&f), 2 * S + 5 * MS, PING_ECHO);
	assert_false(f.event.again || f.event.duplicate);
	assert_int_equal(stats(&f)->errors, 1);
	assert_int_equal(stats(&f)->results[PING_ERROR], 1);

	send_one(&f, 3 * S); /* who did not see the packet cannot know its checksum */
	r = icmp_error(&f, f.config.dst, ICMP4_CODE_PORT);
	r.quote.udp_checksum ^= 1;
	assert_false(ping_receive(f.ping, &r, 3 * S + MS, &f.event));
	assert_int_equal(stats(&f)->rejected, 1);
	stop(&f);
}

/* Only a service's answer with our transaction id is taken for an answer to that packet. */
static enum answer judge_nonce(const uint8_t *data, size_t n, uint16_t nonce)
{
	return n >= 2 && data[0] == nonce >> 8 && data[1] == (uint8_t)nonce ? ANSWER_PROVED : ANSWER_FOREIGN;
}

static void matches_services_by_their_id(void **state)
{
	static const uint8_t request[] = {0, 0, 1, 2, 3};
	static const struct payload service = {
	        .name = "service", .judge = judge_nonce, .bytes = request, .byte_count = sizeof(request)};
	struct fixture f = fixture();
	struct probe first;

	(void)state;
	f.config.payload = &service;
	f.config.interval_ns = 10 * MS;
	start(&f);
	send_one(&f, 0);
	first = f.probe;
	send_one(&f, 10 * MS);
	put_u16(f.data, first.nonce);
	receive(&f, datagram(&f, &f.probe, 9), 12 * MS, PING_ANSWER);
	assert_int_equal(f.event.sequence, 1);
	assert_true(f.event.rtt_ns == 12 * MS && f.event.proved);
	put_u16(f.data, f.probe.nonce);
	receive(&f, datagram(&f, &f.probe, 9), 13 * MS, PING_ANSWER);
	assert_int_equal(f.event.sequence, 2);
	put_u16(f.data, (uint16_t)(f.probe.nonce + 1));
	assert_false(ping_receive(f.ping, &(struct reply){0}, 14 * MS, &f.event));
	{
		struct reply forged = datagram(&f, &f.probe, 9);

		assert_false(ping_receive(f.ping, &forged, 14 * MS, &f.event));
	}
	assert_int_equal(stats(&f)->rejected, 1);
	stop(&f);
}

/* An answer that names no packet goes to the one that has waited longest. */
static void gives_unnamed_answers_to_the_longest_waiting(void **state)
{
	static const uint8_t request[] = "hello";
	static const struct payload text = {
	        .name = "data", .nonce_offset = -1, .bytes = request, .byte_count = sizeof(request)};
	struct fixture f = fixture();

	(void)state;
	f.config.payload = &text;
	f.config.interval_ns = 10 * MS;
	start(&f);
	for (int i = 0; i < 3; i++)
		send_one(&f, i * 10 * MS);
	memcpy(f.data, "other", 5);
	for (uint32_t i = 1; i <= 3; i++) {
		receive(&f, datagram(&f, &f.probe, 5), 30 * MS, PING_ANSWER);
		assert_int_equal(f.event.sequence, i);
		assert_false(f.event.proved);
	}
	receive(&f, datagram(&f, &f.probe, 5), 31 * MS, PING_ANSWER);
	assert_true(f.event.duplicate);
	stop(&f);
}

/* ---- counts ---- */

/* Round trips of 1, 2, 3 and 4 ms: mean 2.5, standard deviation sqrt(1.25) = 1.118034 ms. */
static void computes_the_statistics(void **state)
{
	struct fixture f = fixture();
	const struct ping_times *times;

	(void)state;
	f.config.max_retries = 0;
	start(&f);
	for (int i = 0; i < 4; i++) {
		send_one(&f, i * S);
		receive(&f, echo(&f), i * S + (i + 1) * MS, PING_ECHO);
	}
	send_one(&f, 4 * S);
	assert_true(ping_expire(f.ping, 4 * S + 999 * MS, &f.event));
	times = &stats(&f)->answers;
	assert_int_equal(times->count, 4);
	assert_true(times->min_ns == MS && times->max_ns == 4 * MS);
	assert_true(times->mean_ns > 2.4999e6 && times->mean_ns < 2.5001e6);
	assert_int_equal(ping_times_mdev(times), 1118034);
	assert_int_equal(stats(&f)->packets, 5);
	assert_int_equal(ping_stats_lost(stats(&f)), 1);
	/* A packet under way is neither received nor lost. */
	send_one(&f, 5 * S);
	assert_int_equal(stats(&f)->waiting, 1);
	assert_int_equal(ping_stats_lost(stats(&f)), 1);
	stop(&f);
	assert_int_equal(ping_times_mdev(&(struct ping_times){0}), 0);
}

static void names_the_silent_ports(void **state)
{
	struct fixture f = fixture();
	const struct ping_port *ports;
	size_t count;

	(void)state;
	f.config.source_port_count = 5;
	f.config.count = 10;
	f.config.max_retries = 0;
	start(&f);
	for (int i = 0; i < 10; i++) {
		while (ping_expire(f.ping, i * S, &f.event))
			assert_true(f.event.src_port == 40001 || f.event.src_port == 40003);
		send_one(&f, i * S);
		assert_int_equal(f.probe.src_port, many_ports[i % 5]);
		if (i % 5 != 1 && i % 5 != 3)
			receive(&f, echo(&f), i * S + MS, PING_ECHO);
	}
	ports = ping_ports(f.ping, &count);
	assert_int_equal(count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(ports[i].port, many_ports[i]);
		assert_int_equal(ports[i].probes, 2);
		assert_int_equal(ports[i].replied, i == 1 || i == 3 ? 0 : 2);
		assert_int_equal(ping_port_is_silent(&ports[i]), i == 1 || i == 3);
	}
	assert_true(ping_loss_percent(stats(&f)) == 40);
	assert_true(ping_loss_percent_elsewhere(stats(&f), ports, count) == 0);
	assert_true(ping_done(f.ping));
	stop(&f);
}

/* Half of the packets get lost: after two repetitions one port of eight would be called silent. */
static void repeats_as_often_as_the_loss_demands(void **state)
{
	struct fixture f = fixture();
	uint32_t most = 0, first_silent = 0;
	int64_t now_ns = 0;

	(void)state;
	f.config.source_port_count = 5;
	f.config.count = 400;
	f.config.repeat_as_needed = true;
	f.config.interval_ns = 10 * MS;
	start(&f);
	for (; !ping_done(f.ping); now_ns += MS) {
		while (ping_expire(f.ping, now_ns, &f.event)) {
			assert_int_equal(f.event.src_port, 40003);
			first_silent = first_silent ? first_silent : f.event.tries;
			most = f.event.tries > most ? f.event.tries : most;
		}
		while (ping_next_packet(f.ping, now_ns, &f.probe)) {
			memcpy(f.sent, f.probe.data, f.probe.data_bytes);
			put_u16(f.sent + f.probe.nonce_offset, f.probe.nonce);
			/* The first of two is lost; the port 40003 is stopped. */
			if (f.probe.src_port != 40003 && f.probe.cookie % 2)
				receive(&f, echo(&f), now_ns, PING_ECHO);
		}
	}
	assert_int_equal(most, PING_RETRIES_MOST + 1);
	assert_true(first_silent > 3);
	stop(&f);
}

/* ---- ICMP echo ---- */

static struct reply echo_reply(struct fixture *f)
{
	memcpy(f->data, f->sent, f->probe.data_bytes);
	return (struct reply){
	        .kind = REPLY_ECHO,
	        .src = f->probe.dst,
	        .dst = f->probe.src,
	        .icmp_id = f->probe.icmp_id,
	        .icmp_sequence = f->probe.icmp_sequence,
	        .data = f->data,
	        .data_bytes = f->probe.data_bytes,
	        .ttl = 64,
	};
}

static void pings_by_icmp(void **state)
{
	struct fixture f = fixture();
	struct reply r;
	size_t count;

	(void)state;
	f.config.port = 0;
	start(&f);
	send_one(&f, 0);
	assert_int_equal(f.probe.kind, PROBE_ECHO);
	receive(&f, echo_reply(&f), MS, PING_ECHO);
	assert_true(f.event.proved);
	assert_int_equal(f.event.src_port, 0);
	assert_null(ping_ports(f.ping, &count));
	assert_int_equal(count, 0);

	send_one(&f, S);
	r = echo_reply(&f);
	r.icmp_id ^= 1; /* another program's */
	assert_false(ping_receive(f.ping, &r, S + MS, &f.event));
	assert_int_equal(stats(&f)->rejected, 0);
	r = echo_reply(&f);
	f.data[50] ^= 1;
	receive(&f, r, S + MS, PING_ALTERED);

	send_one(&f, 2 * S);
	receive(&f, icmp_error(&f, v4(10, 0, 0, 254), ICMP_HOST_UNREACH), 2 * S + MS, PING_ERROR);
	send_one(&f, 3 * S);
	r = icmp_error(&f, v4(10, 0, 0, 254), ICMP_HOST_UNREACH);
	r.quote.ip_id ^= 2;
	assert_false(ping_receive(f.ping, &r, 3 * S + MS, &f.event));
	assert_int_equal(stats(&f)->rejected, 1);
	stop(&f);
}

/* ---- the next hop ---- */

static void use_ethernet(struct fixture *f)
{
	f->config.path.kind = LINK_ETHERNET;
	f->config.path.next_hop = v4(10, 0, 0, 254);
	f->config.path.interface = 1;
}

static struct reply arp_reply(const struct fixture *f)
{
	struct reply r = {.kind = REPLY_ARP, .src = f->config.path.next_hop, .has_mac = true, .arp_is_reply = true};

	memcpy(r.mac, router_mac, MAC_BYTES);
	return r;
}

static void asks_for_the_next_hop(void **state)
{
	struct fixture f = fixture();
	struct reply arp;

	(void)state;
	use_ethernet(&f);
	start(&f);
	send_one(&f, 0);
	assert_int_equal(f.probe.kind, PROBE_ARP);
	assert_int_equal(f.probe.next_hop_mac[0], 0xff);
	assert_int_equal(f.probe.interface, 1);
	nothing_due(&f, 0);
	arp = arp_reply(&f);
	assert_false(ping_receive(f.ping, &arp, 5 * MS, &f.event));
	send_one(&f, 5 * MS);
	assert_int_equal(f.probe.kind, PROBE_UDP);
	assert_memory_equal(f.probe.next_hop_mac, router_mac, MAC_BYTES);
	receive(&f, echo(&f), 6 * MS, PING_ECHO);
	assert_true(f.event.rtt_ns == MS);
	stop(&f);
}

/* Asked at 0, 0.25, 0.75 and 1.75 s; from the last on probes fail for it. When it comes, they go out. */
static void says_that_the_next_hop_is_silent(void **state)
{
	static const int64_t ask_ms[] = {0, 250, 750, 1750};
	struct fixture f = fixture();
	struct reply arp;

	(void)state;
	use_ethernet(&f);
	start(&f);
	for (int i = 0; i < 4; i++) {
		nothing_due(&f, ask_ms[i] * MS - 1);
		send_one(&f, ask_ms[i] * MS);
		assert_int_equal(f.probe.kind, PROBE_ARP);
	}
	assert_true(ping_expire(f.ping, 1750 * MS, &f.event));
	assert_int_equal(f.event.result, PING_NO_NEIGHBOUR);
	assert_int_equal(f.event.src_port, 40000);
	assert_false(ping_expire(f.ping, 1750 * MS, &f.event));
	assert_int_equal(stats(&f)->packets, 0);
	arp = arp_reply(&f);
	assert_false(ping_receive(f.ping, &arp, 1800 * MS, &f.event));
	send_one(&f, 2750 * MS);
	assert_int_equal(f.probe.kind, PROBE_UDP);
	receive(&f, echo(&f), 2751 * MS, PING_ECHO);
	assert_int_equal(f.event.sequence, 2);
	stop(&f);
}

/* ---- sending ---- */

static void repeats_what_was_not_sent(void **state)
{
	struct fixture f = fixture();

	(void)state;
	f.config.count = 1;
	start(&f);
	send_one(&f, 0);
	ping_send_failed(f.ping, f.probe.cookie);
	assert_int_equal(stats(&f)->packets, 0);
	assert_int_equal(stats(&f)->waiting, 0);
	send_one(&f, S);
	receive(&f, echo(&f), S + MS, PING_ECHO);
	assert_int_equal(stats(&f)->packets, 1);
	assert_int_equal(stats(&f)->send_errors, 1);
	assert_int_equal(ping_stats_lost(stats(&f)), 0);
	stop(&f);

	f = fixture();
	f.config.count = 1;
	f.config.max_retries = 0;
	start(&f);
	send_one(&f, 0);
	ping_send_failed(f.ping, f.probe.cookie);
	assert_true(ping_expire(f.ping, S, &f.event));
	assert_int_equal(f.event.result, PING_NOT_SENT);
	assert_int_equal(stats(&f)->results[PING_NOT_SENT], 1);
	ping_send_failed(f.ping, UINT64_MAX); /* an ARP request */
	assert_int_equal(stats(&f)->send_errors, 2);
	stop(&f);
}

/* ---- a whole run in a network that loses, repeats and delays ---- */

/* A reply under way. */
struct under_way {
	int64_t at_ns;
	struct probe probe;
	uint8_t sent[64];
};

struct network_run {
	struct fixture f;
	struct under_way replies[512];
	size_t count;
	struct rng rng;
	uint64_t dropped;
	uint64_t repeated;
	uint64_t events;
};

static void carry(struct network_run *run, int64_t now_ns)
{
	uint32_t fate = rng_below(&run->rng, 100);
	int copies = fate < 20 ? 0 : fate < 30 ? 2 : 1;

	run->dropped += copies == 0;
	run->repeated += copies == 2;
	for (int i = 0; i < copies; i++) {
		struct under_way *r = &run->replies[run->count++];

		assert_true(run->count < 512);
		/* Never later than the shortest patience, so that what is lost is known exactly. */
		r->at_ns = now_ns + MS + rng_below(&run->rng, 150000000);
		r->probe = run->f.probe;
		memcpy(r->sent, run->f.sent, run->f.probe.data_bytes);
	}
}

static void deliver(struct network_run *run, int64_t now_ns)
{
	for (size_t i = 0; i < run->count;) {
		struct under_way *r = &run->replies[i];

		if (r->at_ns > now_ns) {
			i++;
			continue;
		}
		run->f.probe = r->probe;
		memcpy(run->f.sent, r->sent, sizeof(r->sent));
		*r = run->replies[--run->count];
		receive(&run->f, echo(&run->f), now_ns, PING_ECHO);
		run->events++;
	}
}

static void counts_what_a_network_does(void **state)
{
	struct network_run *run = calloc(1, sizeof(*run));
	const struct ping_stats *s;
	int64_t now_ns = 0;

	(void)state;
	assert_non_null(run);
	run->f = fixture();
	run->f.config.count = 5000;
	run->f.config.interval_ns = 10 * MS;
	run->rng = rng_from_seed(1);
	start(&run->f);
	while (!ping_done(run->f.ping) || run->count > 0) {
		deliver(run, now_ns);
		while (ping_expire(run->f.ping, now_ns, &run->f.event))
			run->events++;
		while (ping_next_packet(run->f.ping, now_ns, &run->f.probe)) {
			memcpy(run->f.sent, run->f.probe.data, run->f.probe.data_bytes);
			put_u16(run->f.sent + run->f.probe.nonce_offset, run->f.probe.nonce);
			carry(run, now_ns);
		}
		now_ns += MS;
	}
	s = stats(&run->f);
	assert_int_equal(s->probes, 5000);
	assert_int_equal(s->packets, 5000 + s->retransmissions);
	assert_int_equal(s->duplicates, run->repeated);
	assert_int_equal(ping_stats_lost(s), run->dropped);
	assert_int_equal(s->received + run->dropped, s->packets);
	assert_int_equal(s->results[PING_ECHO] + s->results[PING_NOTHING], 5000);
	/* 20 % lost thrice: 40 of 5000 expected. */
	assert_in_range(s->results[PING_NOTHING], 10, 90);
	assert_int_equal(s->waiting, 0);
	assert_int_equal(s->rejected, 0);
	stop(&run->f);
	free(run);
}

/* More packets wait than can be remembered: the oldest are given up, and no count goes astray. */
static void forgets_the_oldest(void **state)
{
	struct fixture f = fixture();
	uint64_t expired = 0;
	int64_t now_ns = 0;

	(void)state;
	f.config.interval_ns = MS;
	f.config.timeout_ns = 3600 * S;
	start(&f);
	for (int i = 0; i < 2 * PING_PACKETS_KEPT; i++, now_ns += MS) {
		while (ping_expire(f.ping, now_ns, &f.event)) {
			expired++;
			assert_int_equal(f.event.sequence, expired);
		}
		assert_true(ping_next_packet(f.ping, now_ns, &f.probe));
	}
	assert_int_equal(stats(&f)->probes, 2 * PING_PACKETS_KEPT);
	assert_int_equal(expired, PING_PACKETS_KEPT);
	assert_int_equal(stats(&f)->waiting, PING_PACKETS_KEPT);
	assert_int_equal(ping_stats_lost(stats(&f)), PING_PACKETS_KEPT);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(keeps_the_beat),
	        cmocka_unit_test(makes_no_burst),
	        cmocka_unit_test(doubles_the_patience),
	        cmocka_unit_test(obeys_the_timeout),
	        cmocka_unit_test(never_repeats_when_told_so),
	        cmocka_unit_test(measures_the_packet_answered),
	        cmocka_unit_test(late_is_not_lost),
	        cmocka_unit_test(tells_duplicates),
	        cmocka_unit_test(tells_what_was_overtaken),
	        cmocka_unit_test(tells_what_became_of_the_payload),
	        cmocka_unit_test(believes_a_stamp_from_elsewhere),
	        cmocka_unit_test(tells_refusals_from_errors),
	        cmocka_unit_test(matches_services_by_their_id),
	        cmocka_unit_test(gives_unnamed_answers_to_the_longest_waiting),
	        cmocka_unit_test(computes_the_statistics),
	        cmocka_unit_test(names_the_silent_ports),
	        cmocka_unit_test(repeats_as_often_as_the_loss_demands),
	        cmocka_unit_test(pings_by_icmp),
	        cmocka_unit_test(asks_for_the_next_hop),
	        cmocka_unit_test(says_that_the_next_hop_is_silent),
	        cmocka_unit_test(repeats_what_was_not_sent),
	        cmocka_unit_test(counts_what_a_network_does),
	        cmocka_unit_test(forgets_the_oldest),
	};

	return cmocka_run_group_tests_name("ping", tests, NULL, NULL);
}
