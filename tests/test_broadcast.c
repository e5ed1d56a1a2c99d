/* test_broadcast.c: one echo to everybody: which networks are asked, who is believed, and when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/engine.h"
#include "nscan/stamp.h"

#define MS INT64_C(1000000)

static struct interface interfaces[] = {
        {.name = "eth0", .kind = LINK_ETHERNET, .up = true},
        {.name = "eth1", .kind = LINK_ETHERNET, .up = true},
        {.name = "lo", .kind = LINK_RAW_IP, .up = true, .loopback = true},
};
static struct interface_addr addrs[4];
static struct network network = {.interfaces = interfaces, .interface_count = 3, .addrs = addrs, .addr_count = 4};
static const uint16_t port = 40001;

static struct addr addr(const char *text)
{
	struct addr out;

	assert_true(addr_parse(text, &out));
	return out;
}

static int set_up(void **state)
{
	(void)state;
	addrs[0] = (struct interface_addr){0, addr("192.168.0.1"), 24};
	addrs[1] = (struct interface_addr){1, addr("10.9.0.1"), 16};
	addrs[2] = (struct interface_addr){1, addr("10.8.0.0"), 31}; /* RFC 3021: no broadcast address */
	addrs[3] = (struct interface_addr){2, addr("127.0.0.1"), 8};
	return 0;
}

static struct engine *engine_of(const char *target, struct target_set **targets, struct err *err)
{
	struct engine_config config = {.network = &network, .only_interface = -1, .broadcast = true};

	*targets = target_set_new();
	assert_true(target_set_add(*targets, target, NULL, err));
	config.targets = *targets;
	config.probe.source_ports = &port;
	config.probe.source_port_count = 1;
	config.probe.ttl = 64;
	return engine_new(&config, 0, err);
}

static struct reply answer_to(const struct probe *probe, const char *from)
{
	struct reply reply = {.kind = REPLY_ECHO, .src = addr(from), .dst = probe->src, .ttl = 63, .has_mac = true};

	reply.icmp_id = probe->icmp_id;
	reply.icmp_sequence = probe->icmp_sequence;
	reply.data = probe->echo_data;
	reply.data_bytes = probe->data_bytes;
	reply.mac[5] = 7;
	return reply;
}

static void one_datagram_and_who_answers(void **state)
{
	struct target_set *targets;
	struct err err = {0};
	struct engine *engine = engine_of("192.168.0.0/24", &targets, &err);
	struct probe probe, other;
	struct reply reply;
	struct event event;
	uint8_t forged[16];

	(void)state;
	assert_non_null(engine);
	assert_true(engine_next_probe(engine, 5 * MS, &probe));
	assert_false(engine_next_probe(engine, 5 * MS, &other));
	assert_int_equal(probe.interface, 0);
	assert_true(addr_v4(&probe.dst) == 0xc0a800ff && addr_v4(&probe.src) == 0xc0a80001);
	assert_memory_equal(probe.next_hop_mac, "\xff\xff\xff\xff\xff\xff", MAC_BYTES);

	reply = answer_to(&probe, "192.168.0.9");
	engine_receive(engine, &reply, 6 * MS);
	engine_receive(engine, &reply, 7 * MS); /* twice: told once */
	reply.src = addr("172.16.0.1");         /* whoever answers is there */
	engine_receive(engine, &reply, 8 * MS);
	memcpy(forged, probe.echo_data, sizeof(forged));
	forged[9] ^= 1;
	reply.src = addr("192.168.0.10");
	reply.data = forged;
	engine_receive(engine, &reply, 8 * MS);

	assert_true(engine_next_event(engine, &event));
	assert_int_equal(event.kind, EVENT_HOST);
	assert_true(addr_v4(&event.addr) == 0xc0a80009);
	assert_int_equal(event.u.host.state, HOST_UP);
	assert_in_range(event.u.host.rtt_ns, MS, MS + 256);
	assert_int_equal(event.u.host.mac[5], 7);
	assert_true(engine_next_event(engine, &event));
	assert_int_equal(event.kind, EVENT_HOST_DONE);
	assert_true(engine_next_event(engine, &event));
	assert_true(addr_v4(&event.addr) == 0xac100001);
	assert_int_equal(event.ordinal, 1);
	assert_true(engine_next_event(engine, &event));
	assert_false(engine_next_event(engine, &event));

	assert_false(engine_done(engine));
	assert_int_equal(engine_next_wake(engine), 2005 * MS);
	assert_false(engine_next_probe(engine, 2005 * MS, &other));
	assert_true(engine_done(engine));
	engine_free(engine);
	target_set_free(targets);
}

static void a_failed_send_is_repeated(void **state)
{
	struct target_set *targets;
	struct err err = {0};
	struct engine *engine = engine_of("10.9.255.255", &targets, &err);
	struct probe probe;

	(void)state;
	assert_non_null(engine);
	assert_true(engine_next_probe(engine, 0, &probe));
	engine_send_failed(engine, probe.cookie, 105, 0);
	assert_false(engine_next_probe(engine, 0, &probe));
	assert_true(engine_next_probe(engine, engine_next_wake(engine), &probe));
	assert_int_equal(probe.interface, 1);
	engine_free(engine);
	target_set_free(targets);
}

static void targets_that_are_no_network_of_ours(void **state)
{
	static const char *const wrong[] = {"192.168.0.7", "10.8.0.0/31", "127.255.255.255", "8.8.8.255"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct target_set *targets;
		struct err err = {0};

		assert_null(engine_of(wrong[i], &targets, &err));
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, "broadcast"));
		target_set_free(targets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_datagram_and_who_answers),
	        cmocka_unit_test(a_failed_send_is_repeated),
	        cmocka_unit_test(targets_that_are_no_network_of_ours),
	};

	return cmocka_run_group_tests_name("broadcast", tests, set_up, NULL);
}
