/* test_facts.c: what a run depends on, to JSON and back; and JSON that nobody should have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../src/cli/facts.h"

static struct addr addr(const char *text)
{
	struct addr out;

	assert_true(addr_parse(text, &out));
	return out;
}

static char *written(size_t *n)
{
	static const char odd[] = "caf\xe9 \x01\xff";
	char *argv[] = {(char *)(uintptr_t) "nscan", (char *)(uintptr_t)odd, (char *)(uintptr_t) "7=@file", NULL};
	const char *meant[] = {NULL, NULL, "7=0102"};
	uint16_t ports[] = {1024, 65535};
	struct run_facts run = {.argc = 3,
	                        .argv = argv,
	                        .meant = meant,
	                        .seed = INT64_MAX,
	                        .key = {0, 1, 0xfe, 0xff},
	                        .source_ports = ports,
	                        .source_port_count = 2,
	                        .start_ns = 17,
	                        .start_wall_ns = INT64_C(1795176000123456789)};
	struct interface interfaces[] = {
	        {.name = "lo", .index = 1, .kind = LINK_RAW_IP, .up = true, .loopback = true, .mtu_bytes = 65536},
	        {.name = "eth0", .index = 7, .no_arp = true, .mac = {2, 3, 4, 5, 6, 0xab}, .mtu_bytes = UINT32_MAX}};
	struct interface_addr addrs[] = {{0, addr("127.0.0.1"), 8}, {1, addr("2001:db8::1"), 64}};
	struct route routes[] = {
	        {.prefix = addr("0.0.0.0"),
	         .gateway = addr("10.0.0.1"),
	         .interface = 1,
	         .rank = 2,
	         .metric = UINT32_MAX},
	        {.prefix = addr("10.9.0.0"), .prefix_bits = 16, .kind = ROUTE_UNREACHABLE, .interface = -1},
	        {.prefix = addr("10.0.0.0"), .prefix_bits = 8, .source = addr("10.0.0.7"), .interface = 1}};
	struct network network = {interfaces, 2, addrs, 2, routes, 3, 5};
	struct facts *facts = facts_new();
	struct addr named = addr("10.1.2.3");
	char *text;

	assert_non_null(facts);
	facts_add_name(facts, "host.example", &named);
	facts_add_file(facts, "one\0two\xff\n", 9);
	facts_add_file(facts, "", 0);
	facts_set_run(facts, "1.2", &run);
	facts_set_network(facts, &network);
	text = facts_text(facts, n);
	assert_non_null(text);
	facts_free(facts);
	return text;
}

static void facts_come_back(void **state)
{
	struct network network = {0};
	const struct run_facts *run;
	struct err err = {0};
	struct facts *facts;
	struct addr found;
	size_t n;
	char *text = written(&n);
	const char *file;

	(void)state;
	facts = facts_parse(text, n, &err);
	assert_non_null(facts);
	run = facts_run(facts);
	assert_string_equal(facts_version(facts), "1.2");
	assert_int_equal(run->argc, 3);
	assert_string_equal(run->argv[1], "caf\xe9 \x01\xff");
	assert_string_equal(run->argv[2], "7=@file");
	assert_string_equal(facts_parsed_args(facts)[1], "caf\xe9 \x01\xff");
	assert_string_equal(facts_parsed_args(facts)[2], "7=0102");
	assert_null(facts_parsed_args(facts)[3]);
	assert_int_equal(run->seed, INT64_MAX);
	assert_memory_equal(run->key, "\0\1\xfe\xff\0\0\0\0\0\0\0\0\0\0\0\0", HASH_KEY_BYTES);
	assert_int_equal(run->source_port_count, 2);
	assert_int_equal(run->source_ports[1], 65535);
	assert_int_equal(run->start_ns, 17);
	assert_int_equal(run->start_wall_ns, INT64_C(1795176000123456789));
	assert_true(facts_name(facts, "host.example", &found));
	assert_int_equal(addr_v4(&found), 0x0a010203);
	assert_false(facts_name(facts, "other.example", &found));
	file = facts_next_file(facts, &n);
	assert_int_equal(n, 9);
	assert_memory_equal(file, "one\0two\xff\n", 9);
	assert_non_null(facts_next_file(facts, &n));
	assert_int_equal(n, 0);
	assert_null(facts_next_file(facts, &n));

	assert_true(facts_network(facts, &network, &err));
	assert_int_equal(network.interface_count, 2);
	assert_int_equal(network.interfaces[0].kind, LINK_RAW_IP);
	assert_true(network.interfaces[0].loopback && network.interfaces[0].up && !network.interfaces[0].no_arp);
	assert_string_equal(network.interfaces[1].name, "eth0");
	assert_int_equal(network.interfaces[1].index, 7);
	assert_int_equal(network.interfaces[1].mtu_bytes, UINT32_MAX);
	assert_memory_equal(network.interfaces[1].mac, "\2\3\4\5\6\xab", MAC_BYTES);
	assert_int_equal(network.addr_count, 2);
	assert_int_equal(network.addrs[1].addr.family, 6);
	assert_int_equal(network.addrs[1].prefix_bits, 64);
	assert_int_equal(network.route_count, 3);
	assert_int_equal(network.routes[0].metric, UINT32_MAX);
	assert_true(addr_is_set(&network.routes[0].gateway) && !addr_is_set(&network.routes[0].source));
	assert_int_equal(network.routes[1].interface, -1);
	assert_int_equal(network.routes[1].kind, ROUTE_UNREACHABLE);
	assert_int_equal(network.skipped_routes, 5);
	network_free(&network);
	facts_free(facts);
	free(text);
}

/* Replaces the first `from` by `to`. */
static char *changed(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out = malloc(strlen(text) + strlen(to) + 1);

	assert_non_null(at);
	memcpy(out, text, (size_t)(at - text));
	strcpy(out + (at - text), to);
	strcat(out, at + strlen(from));
	return out;
}

static void altered_facts_are_refused(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} rows[] = {
	        {"{", "[", "beginning"},
	        {"\"args\":", "\"argz\":", "command line"},
	        {"\"args\":[\"nscan\"", "\"args\":[1", "command line"},
	        {"\"key\":\"0001", "\"key\":\"0x01", "key"},
	        {"\"key\":\"00", "\"key\":\"", "key"},
	        {"\"source_ports\":[1024,65535]", "\"source_ports\":[]", "source ports"},
	        {"\"kind\":1", "\"kind\":9", "interfaces"},
	        {"\"name\":\"lo\"", "\"name\":\"a-name-that-is-too-long\"", "interfaces"},
	        {"\"mac\":\"020304", "\"mac\":\"02030", "interfaces"},
	        {"\"interfaces\":[", "\"interfaces\":[],\"others\":[", "interfaces"},
	        {"[0,\"127.0.0.1\",8]", "[2,\"127.0.0.1\",8]", "addresses"},
	        {"[0,\"127.0.0.1\",8]", "[-1,\"127.0.0.1\",8]", "addresses"},
	        {"[0,\"127.0.0.1\",8]", "[0,\"127.0.0.1\",33]", "addresses"},
	        {"[0,\"127.0.0.1\",8]", "[0,\"-\",0]", "addresses"},
	        {"\"10.9.0.0\",16,3", "\"10.9.0.0\",16,0", "routes"},
	        {"\"10.9.0.0\",16,3", "\"10.9.0.0\",16,4", "routes"},
	        {"\"10.9.0.0\",16", "\"10.9.0.0\",-1", "routes"},
	        {"\"10.9.0.0\"", "\"10.9.0\"", "routes"},
	};
	size_t n;
	char *text = written(&n);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *other = changed(text, rows[i].from, rows[i].to);
		struct network network = {0};
		struct err err = {0};
		struct facts *facts = facts_parse(other, strlen(other), &err);

		if (facts && facts_network(facts, &network, &err))
			fail_msg("%s -> %s: should be refused", rows[i].from, rows[i].to);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s -> %s: '%s' does not say '%s'", rows[i].from, rows[i].to, err.text, rows[i].says);
		network_free(&network);
		facts_free(facts);
		free(other);
	}
	free(text);
}

static void cut_facts_are_refused(void **state)
{
	size_t n;
	char *text = written(&n);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		struct err err = {0};

		assert_null(facts_parse(text, cut, &err));
		assert_int_equal(err.code, ERR_SYSTEM);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(facts_come_back),
	        cmocka_unit_test(altered_facts_are_refused),
	        cmocka_unit_test(cut_facts_are_refused),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
