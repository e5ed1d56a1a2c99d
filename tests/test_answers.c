/* test_answers.c: what the engine makes of the answers of open ports: readings, payloads asked for later, contradictions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/engine.h"

#define MS INT64_C(1000000)

enum { MOST_PENDING = 4096, MOST_DATA = 600, MOST_NOTES = 32, MOST_PORTS = 64 };

/* A reply on its way. */
struct pending {
	int64_t at_ns;
	struct reply reply;
	uint8_t data[MOST_DATA];
};

/* An engine, one raw link, and somebody who decides what each probe brings about. */
struct world {
	struct engine *engine;
	struct interface interface;
	struct interface_addr addr;
	struct route route;
	struct network network;
	struct target_set *targets;
	struct port_list ports;
	struct payload_book *book;
	struct engine_config config;
	uint16_t source_ports[16];
	int64_t now_ns;
	struct pending *pending;
	size_t pending_count;
	void (*on_probe)(struct world *world, const struct probe *probe);
	/* What was told. */
	struct port_event last[MOST_PORTS]; /* of each port, the last word */
	struct service_reading readings[MOST_PORTS];
	bool count_only; /* ports are too many to keep */
	size_t with_reading;
	size_t port_events;
	size_t port_count;
	struct note_event notes[MOST_NOTES];
	size_t note_count;
	uint64_t probes;
	struct probe probe; /* the last one */
};

static const struct note_event *note_of(const struct world *world, const char *code)
{
	const struct note_event *found = NULL;

	for (size_t i = 0; i < world->note_count; i++) {
		if (strcmp(world->notes[i].code, code) == 0)
			found = &world->notes[i];
	}
	return found;
}

/* The text of that note, which must be there. */
static const char *text_of(const struct world *world, const char *code)
{
	const struct note_event *note = note_of(world, code);

	if (!note) {
		fail_msg("no note %s", code);
		abort();
	}
	return note->text;
}

static size_t place_of(struct world *world, uint16_t port)
{
	size_t i = 0;

	while (i < world->port_count && world->last[i].port != port)
		i++;
	assert_in_range(i, 0, MOST_PORTS - 1);
	return i;
}

static void take(struct world *world, const struct event *event)
{
	if (event->kind == EVENT_PORT && world->count_only) {
		assert_int_equal(event->u.port.state, PORT_OPEN);
		world->port_events++;
		world->with_reading += event->u.port.reading != NULL;
	} else if (event->kind == EVENT_PORT) {
		size_t i = place_of(world, event->u.port.port);

		world->port_events++;
		world->last[i] = event->u.port;
		if (event->u.port.reading) {
			world->readings[i] = *event->u.port.reading;
			world->last[i].reading = &world->readings[i];
		}
		if (i == world->port_count)
			world->port_count++;
	} else if (event->kind == EVENT_NOTE) {
		assert_in_range(world->note_count, 0, MOST_NOTES - 1);
		world->notes[world->note_count++] = event->u.note;
	}
}

/* An answer to that probe, `delay_ns` after now. */
static void answer_from(struct world *world, const struct probe *probe, struct addr from, int64_t delay_ns,
                        const void *data, size_t n)
{
	struct pending *p = &world->pending[world->pending_count++];

	assert_in_range(world->pending_count, 1, MOST_PENDING);
	assert_in_range(n, 0, MOST_DATA);
	memset(p, 0, sizeof(*p));
	p->at_ns = world->now_ns + delay_ns;
	memcpy(p->data, data, n);
	p->reply = (struct reply){.kind = REPLY_UDP,
	                          .src = from,
	                          .dst = probe->src,
	                          .ttl = 64,
	                          .src_port = probe->dst_port,
	                          .dst_port = probe->src_port,
	                          .data_bytes = n};
}

static void answer(struct world *world, const struct probe *probe, int64_t delay_ns, const void *data, size_t n)
{
	answer_from(world, probe, probe->dst, delay_ns, data, n);
}

static void refuse(struct world *world, const struct probe *probe, int64_t delay_ns)
{
	struct pending *p = &world->pending[world->pending_count++];

	assert_in_range(world->pending_count, 1, MOST_PENDING);
	memset(p, 0, sizeof(*p));
	p->at_ns = world->now_ns + delay_ns;
	p->reply = (struct reply){.kind = REPLY_ICMP_ERROR,
	                          .src = probe->dst,
	                          .dst = probe->src,
	                          .ttl = 64,
	                          .icmp_type = 3,
	                          .icmp_code = 3};
	p->reply.quote = (struct quote){.src = probe->src,
	                                .dst = probe->dst,
	                                .protocol = 17,
	                                .ip_id = probe->ip_id,
	                                .has_ports = true,
	                                .src_port = probe->src_port,
	                                .dst_port = probe->dst_port,
	                                .has_udp_checksum = true,
	                                .udp_checksum = probe->udp_checksum};
}

/* Hands over the reply that is due first, if one is due before `until_ns`. */
static bool deliver(struct world *world, int64_t until_ns)
{
	struct pending due;
	size_t first = 0;

	for (size_t i = 1; i < world->pending_count; i++) {
		if (world->pending[i].at_ns < world->pending[first].at_ns)
			first = i;
	}
	if (world->pending_count == 0 || world->pending[first].at_ns > until_ns)
		return false;
	due = world->pending[first];
	memmove(&world->pending[first], &world->pending[first + 1], (world->pending_count - first - 1) * sizeof(due));
	world->pending_count--;
	world->now_ns = due.at_ns;
	due.reply.data = due.reply.data_bytes ? due.data : NULL;
	engine_receive(world->engine, &due.reply, due.at_ns);
	return true;
}

static struct world *world_new(const char *ports, void (*on_probe)(struct world *world, const struct probe *probe))
{
	struct world *world = calloc(1, sizeof(*world));
	struct err err = {0};

	assert_non_null(world);
	world->pending = calloc(MOST_PENDING, sizeof(*world->pending));
	assert_non_null(world->pending);
	world->on_probe = on_probe;
	world->now_ns = 1000 * MS;
	world->interface =
	        (struct interface){.name = "tun0", .index = 1, .kind = LINK_RAW_IP, .up = true, .mtu_bytes = 1500};
	world->addr = (struct interface_addr){0, addr_from_v4(0x0a0000fd), 24};
	world->route =
	        (struct route){.prefix = addr_from_v4(0x0a000000), .prefix_bits = 24, .kind = ROUTE_UNICAST, .rank = 1};
	world->network = (struct network){&world->interface, 1, &world->addr, 1, &world->route, 1, 0};
	world->targets = target_set_new();
	world->book = payload_book_new();
	assert_non_null(world->book);
	assert_true(target_set_add(world->targets, "10.0.0.1", NULL, &err));
	assert_true(port_list_parse(ports, &world->ports, &err));
	for (size_t i = 0; i < 16; i++)
		world->source_ports[i] = (uint16_t)(40000 + 7 * i);
	world->config = (struct engine_config){
	        .targets = world->targets,
	        .ports = &world->ports,
	        .network = &world->network,
	        .seed = 1,
	        .discovery = DISCOVER_NONE,
	        .only_interface = -1,
	        .max_retries = -1,
	};
	world->config.probe.source_ports = world->source_ports;
	world->config.probe.source_port_count = 16;
	world->config.probe.ttl = 64;
	world->config.probe.payloads = world->book;
	memset(world->config.probe.key, 7, HASH_KEY_BYTES);
	return world;
}

static void world_run(struct world *world)
{
	struct err err = {0};
	struct event event;
	struct probe probe;

	world->engine = engine_new(&world->config, world->now_ns, &err);
	assert_non_null(world->engine);
	for (int turns = 0; !engine_done(world->engine); turns++) {
		int64_t wake_ns;

		assert_in_range(turns, 0, 1000000);
		while (engine_next_probe(world->engine, world->now_ns, &probe)) {
			world->probes++;
			world->probe = probe;
			world->on_probe(world, &probe);
		}
		wake_ns = engine_next_wake(world->engine);
		if (!deliver(world, wake_ns) && wake_ns > world->now_ns)
			world->now_ns = wake_ns;
		while (engine_next_event(world->engine, &event))
			take(world, &event);
	}
	while (engine_next_event(world->engine, &event))
		take(world, &event);
}

static void world_free(struct world *world)
{
	engine_free(world->engine);
	payload_book_free(world->book);
	port_list_free(&world->ports);
	target_set_free(world->targets);
	free(world->pending);
	free(world);
}

static const struct port_event *port_of(struct world *world, uint16_t port)
{
	size_t i = place_of(world, port);

	assert_true(i < world->port_count);
	return &world->last[i];
}

/* The probe's data with the nonce in it. */
static size_t sent_data(const struct probe *probe, uint8_t out[MOST_DATA])
{
	assert_in_range(probe->data_bytes, 0, MOST_DATA);
	memset(out, 0, MOST_DATA);
	if (probe->data_bytes > 0)
		memcpy(out, probe->data, probe->data_bytes);
	if (probe->nonce_offset >= 0)
		put_u16(out + probe->nonce_offset, probe->nonce);
	return probe->data_bytes;
}

static bool is_version_query(const struct probe *probe)
{
	return probe->data_bytes == 30;
}

/* The answer of a name server: to version.bind its name, to anything else a refusal. */
static size_t dns_answer(const struct probe *probe, const char *version, uint8_t out[MOST_DATA])
{
	size_t n = sent_data(probe, out), length = strlen(version);

	put_u16(out + 2, is_version_query(probe) ? 0x8080 : 0x8085);
	if (!is_version_query(probe))
		return n;
	put_u16(out + 6, 1);
	memcpy(out + n, "\xc0\x0c\x00\x10\x00\x03\x00\x00\x00\x00", 10);
	put_u16(out + n + 10, (uint16_t)(length + 1));
	out[n + 12] = (uint8_t)length;
	memcpy(out + n + 13, version, length);
	return n + 13 + length;
}

static void real_dns(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = dns_answer(probe, "dnsmasq-2.90", data);

	if (probe->dst_port == 53)
		answer(world, probe, 2 * MS, data, n);
	else
		refuse(world, probe, 2 * MS);
}

/* A jumbo frame: the capture keeps its beginning. */
static void jumbo_answer(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = dns_answer(probe, "dnsmasq-2.90", data);

	answer(world, probe, 2 * MS, data, n);
	world->pending[world->pending_count - 1].reply.wire_data_bytes = 6000;
}

static void test_cut_answer(void **state)
{
	struct world *world = world_new("53", jumbo_answer);
	const struct service_reading *reading;
	size_t notes = 0;

	(void)state;
	world_run(world);
	reading = port_of(world, 53)->reading;
	assert_non_null(reading);
	assert_string_equal(reading->service, "domain");
	assert_non_null(strstr(service_detail(reading, "captured"), " of 6000 bytes"));
	for (size_t i = 0; i < world->note_count; i++)
		notes += strcmp(world->notes[i].code, "answer-cut") == 0;
	assert_int_equal(notes, 1);
	assert_non_null(strstr(text_of(world, "answer-cut"), "of an answer of 6000 bytes the first "));
	world_free(world);
}

static void test_reading(void **state)
{
	struct world *world = world_new("53,54", real_dns);
	const struct port_event *port;

	(void)state;
	world_run(world);
	port = port_of(world, 53);
	assert_int_equal(port->state, PORT_OPEN);
	assert_non_null(port->reading);
	assert_string_equal(port->reading->service, "domain");
	assert_string_equal(port->reading->product, "dnsmasq");
	/* The second payload was asked too, though the first was enough to know that the port is open. */
	assert_true(port->more_known);
	assert_string_equal(service_detail(port->reading, "rcode"), "REFUSED");
	assert_true(port->has_rtt);
	assert_int_equal(port->rtt_ns, 2 * MS);
	assert_int_equal(port->probes, 2);
	assert_null(port_of(world, 54)->reading);
	assert_int_equal(port_of(world, 54)->state, PORT_CLOSED);
	assert_int_equal(world->note_count, 0);
	assert_int_equal(world->port_events, 3);
	world_free(world);
}

/* The follow-up is silent: it is asked twice and no more, and the scan ends. */
static void first_payload_only(struct world *world, const struct probe *probe)
{
	if (is_version_query(probe))
		real_dns(world, probe);
}

static void test_silent_follow_up(void **state)
{
	struct world *world = world_new("53", first_payload_only);

	(void)state;
	world_run(world);
	assert_int_equal(port_of(world, 53)->state, PORT_OPEN);
	assert_false(port_of(world, 53)->more_known);
	assert_int_equal(world->probes, 3);
	world_free(world);
}

/* An injector beside the server: the forged answer comes first. */
static void injected_dns(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = dns_answer(probe, "forged-1.0", data);

	if (is_version_query(probe))
		answer(world, probe, MS / 2, data, n);
	real_dns(world, probe);
}

static void test_conflict(void **state)
{
	struct world *world = world_new("53", injected_dns);
	const struct note_event *note;

	(void)state;
	world_run(world);
	note = note_of(world, "conflicting-replies");
	assert_true(note && note->port == 53);
	assert_string_equal(text_of(world, "conflicting-replies"),
	                    "two answers to one query: after 0.50 ms: forged-1.0, recursion offered; after 2.00 ms: "
	                    "dnsmasq-2.90, recursion offered");
	assert_null(note_of(world, "duplicate-replies"));
	world_free(world);
}

/* ... or it is the server that is not there. */
static void injected_before_refusal(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = dns_answer(probe, "forged-1.0", data);

	answer(world, probe, MS / 2, data, n);
	refuse(world, probe, 3 * MS);
}

static void test_conflict_with_refusal(void **state)
{
	struct world *world = world_new("53", injected_before_refusal);

	(void)state;
	world_run(world);
	assert_string_equal(text_of(world, "conflicting-replies"),
	                    "two answers to one query: after 0.50 ms: forged-1.0, recursion offered; after 3.00 ms: "
	                    "port-unreach from the host itself");
	assert_int_equal(port_of(world, 53)->state, PORT_OPEN);
	world_free(world);
}

static void repeated_dns(struct world *world, const struct probe *probe)
{
	for (int i = 0; i < 4; i++)
		real_dns(world, probe);
}

static void test_duplicates(void **state)
{
	struct world *world = world_new("53", repeated_dns);

	(void)state;
	world_run(world);
	assert_null(note_of(world, "conflicting-replies"));
	assert_non_null(note_of(world, "duplicate-replies"));
	assert_string_equal(text_of(world, "duplicate-replies"),
	                    "one query was answered 4 times alike, the last after 2.00 ms");
	world_free(world);
}

/* NTP: a query that was doubled on its way is answered twice, and the clock went on in between. */
static void doubled_ntp(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA], asked[MOST_DATA];

	sent_data(probe, asked);
	memset(data, 0, 48);
	data[0] = 0x24;
	data[1] = 8;
	put_u32(data + 12, 0x7f7f0101);
	memcpy(data + 24, asked + 40, 8);
	put_u32(data + 40, 0xeeaab5c1);
	answer(world, probe, MS, data, 48);
	put_u32(data + 40, 0xeeaab5c2);
	answer(world, probe, MS + MS / 10, data, 48);
}

static void test_duplicate_but_for_clocks(void **state)
{
	struct world *world = world_new("123", doubled_ntp);

	(void)state;
	world_run(world);
	assert_null(note_of(world, "conflicting-replies"));
	assert_non_null(note_of(world, "duplicate-replies"));
	assert_string_equal(text_of(world, "duplicate-replies"),
	                    "one query was answered twice alike but for clocks: after 1.00 ms and after 1.10 ms");
	world_free(world);
}

/* Some protocols say more in a second datagram. */
static void two_datagrams(struct world *world, const struct probe *probe)
{
	answer(world, probe, MS, "one", 3);
	answer(world, probe, MS, "two", 3);
}

static void test_second_datagram_is_no_conflict(void **state)
{
	struct world *world = world_new("40000", two_datagrams);

	(void)state;
	world_run(world);
	assert_int_equal(port_of(world, 40000)->state, PORT_OPEN);
	assert_int_equal(world->note_count, 0);
	assert_null(port_of(world, 40000)->reading->service);
	assert_string_equal(port_of(world, 40000)->reading->info, "3 bytes: 6f 6e 65");
	world_free(world);
}

static void from_elsewhere(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = dns_answer(probe, "elsewhere-2.0", data);

	if (is_version_query(probe))
		answer_from(world, probe, addr_from_v4(0x0a000009), MS, data, n);
}

static void test_other_host(void **state)
{
	struct world *world = world_new("53", from_elsewhere);
	struct engine_progress progress;

	(void)state;
	world_run(world);
	assert_string_equal(
	        text_of(world, "answer-from-other-host"),
	        "10.0.0.9 answered what was asked of this host, and is not believed: elsewhere-2.0, recursion offered");
	assert_int_equal(world->note_count, 1); /* once, however often it came */
	assert_int_equal(port_of(world, 53)->state, PORT_OPEN_FILTERED);
	assert_null(port_of(world, 53)->reading);
	engine_progress(world->engine, world->now_ns, &progress);
	assert_true(progress.rejected > 0);
	world_free(world);
}

/* The same with an id that was guessed: nothing but a rejected reply. */
static void guessed(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = dns_answer(probe, "guessed-1.0", data);

	data[0] ^= 0x55;
	answer(world, probe, MS, data, n);
	answer_from(world, probe, addr_from_v4(0x0a000009), MS, data, n);
}

static void test_guess(void **state)
{
	struct world *world = world_new("53", guessed);

	(void)state;
	world_run(world);
	assert_int_equal(world->note_count, 0);
	assert_int_equal(port_of(world, 53)->state, PORT_OPEN_FILTERED);
	assert_null(port_of(world, 53)->reading);
	world_free(world);
}

static void echo(struct world *world, const struct probe *probe)
{
	uint8_t data[MOST_DATA];
	size_t n = sent_data(probe, data);

	if (probe->address_offset > 0)
		memcpy(data + probe->address_offset, probe->src.bytes, 4);
	answer(world, probe, MS, data, n);
}

static void test_every_port(void **state)
{
	struct world *world = world_new("53,67,123,161,1000-1020", echo);
	const struct note_event *note;

	(void)state;
	world_run(world);
	note = note_of(world, "answers-on-every-port");
	assert_true(note && note->port == 0);
	assert_int_equal(strncmp(text_of(world, "answers-on-every-port"), "25 of 25 ports asked are open", 29), 0);
	for (size_t i = 0; i < world->port_count; i++) {
		assert_int_equal(world->last[i].state, PORT_OPEN);
		if (world->last[i].port < 1000) /* empty datagrams come back empty, too, which says less */
			assert_string_equal(world->last[i].reading->service, "echo");
	}
	world_free(world);
}

/* Readings are bounded; states are not. */
static void test_thousands_of_ports(void **state)
{
	struct world *world = world_new("10001-15000", echo);

	(void)state;
	world->count_only = true;
	world_run(world);
	assert_in_range(world->with_reading, 500, 4000);
	assert_true(world->port_events >= 5000);
	assert_int_equal(strncmp(text_of(world, "answers-on-every-port"), "5000 of 5000 ports asked are open", 33), 0);
	world_free(world);
}

/* A server with many services, all of them true. */
static void dns_everywhere(struct world *world, const struct probe *probe)
{
	static const uint8_t answer_bytes[] = {0x50, 0, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 1, 0, 1};

	answer(world, probe, MS, answer_bytes, sizeof(answer_bytes));
}

static void test_many_services(void **state)
{
	struct world *world = world_new("1000-1039", dns_everywhere);

	(void)state;
	world_run(world);
	assert_int_equal(world->port_count, 40);
	for (size_t i = 0; i < world->port_count; i++)
		assert_string_equal(world->last[i].reading->service, "domain");
	assert_null(note_of(world, "answers-on-every-port"));
	world_free(world);
}

static void test_bad_checksum(void **state)
{
	struct world *world = world_new("53,54", real_dns);
	const struct note_event *note;

	(void)state;
	world->config.probe.bad_checksum = true;
	world_run(world);
	note = note_of(world, "answers-bad-checksum");
	assert_true(note && note->port == 0);
	assert_int_equal(world->note_count, 1);
	world_free(world);
}

/* A STUN server behind a translator that adds 1000 to every port, or behind none. */
static void stun(struct world *world, const struct probe *probe, uint32_t seen_as, uint16_t shift)
{
	uint8_t data[MOST_DATA], asked[MOST_DATA];

	sent_data(probe, asked);
	memcpy(data, asked, 20);
	put_u16(data, 0x0101);
	put_u16(data + 2, 12);
	put_u16(data + 20, 0x0020);
	put_u16(data + 22, 8);
	put_u16(data + 24, 1);
	put_u16(data + 26, (uint16_t)(probe->src_port + shift) ^ 0x2112);
	put_u32(data + 28, seen_as ^ 0x2112a442);
	answer(world, probe, MS, data, 32);
}

static void stun_behind_nat(struct world *world, const struct probe *probe)
{
	stun(world, probe, 0xcb007105, 1000);
}

static void stun_direct(struct world *world, const struct probe *probe)
{
	stun(world, probe, 0x0a0000fd, 0);
}

static void test_nat(void **state)
{
	struct world *world = world_new("3478", stun_behind_nat);

	(void)state;
	world_run(world);
	assert_non_null(note_of(world, "nat-in-between"));
	assert_non_null(strstr(text_of(world, "nat-in-between"), "shifts ports"));
	assert_string_equal(service_detail(port_of(world, 3478)->reading, "nat"), "shifts ports");
	world_free(world);

	world = world_new("3478", stun_direct);
	world_run(world);
	assert_null(note_of(world, "nat-in-between"));
	assert_string_equal(service_detail(port_of(world, 3478)->reading, "nat"), "none");
	world_free(world);
}

/* Interrupted while readings wait to be told: nothing leaks, and what is known is told. */
static void test_stopped(void **state)
{
	struct world *world = world_new("53", real_dns);
	struct err err = {0};
	struct event event;
	struct probe probe;

	(void)state;
	world->engine = engine_new(&world->config, world->now_ns, &err);
	assert_non_null(world->engine);
	assert_true(engine_next_probe(world->engine, world->now_ns, &probe));
	real_dns(world, &probe);
	assert_true(deliver(world, INT64_MAX));
	engine_stop(world->engine, world->now_ns);
	assert_true(engine_next_event(world->engine, &event)); /* the others are left to engine_free */
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_reading),
	        cmocka_unit_test(test_silent_follow_up),
	        cmocka_unit_test(test_conflict),
	        cmocka_unit_test(test_conflict_with_refusal),
	        cmocka_unit_test(test_duplicates),
	        cmocka_unit_test(test_duplicate_but_for_clocks),
	        cmocka_unit_test(test_second_datagram_is_no_conflict),
	        cmocka_unit_test(test_other_host),
	        cmocka_unit_test(test_guess),
	        cmocka_unit_test(test_every_port),
	        cmocka_unit_test(test_thousands_of_ports),
	        cmocka_unit_test(test_many_services),
	        cmocka_unit_test(test_bad_checksum),
	        cmocka_unit_test(test_cut_answer),
	        cmocka_unit_test(test_nat),
	        cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
