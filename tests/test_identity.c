/* test_identity.c: the keyed hash of an ask depends on every part of it, and on nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/probe.h"

static struct probe_settings settings_with_key(uint8_t first)
{
	struct probe_settings settings = {.key = {0}};

	settings.key[0] = first;
	return settings;
}

static struct ask base_ask(void)
{
	return (struct ask){
	        .kind = PROBE_UDP,
	        .src = addr_from_v4(0xc0a80001),
	        .dst = addr_from_v4(0xc0a80064),
	        .port = 53,
	        .attempt = 0,
	};
}

static void test_same_ask_same_identity(void **state)
{
	struct probe_settings settings = settings_with_key(1);
	struct ask a, b;

	(void)state;
	/* Padding inside the struct is no part of the question. */
	memset(&a, 0x00, sizeof(a));
	memset(&b, 0xff, sizeof(b));
	a.kind = b.kind = PROBE_ECHO;
	a.src = b.src = addr_from_v4(1);
	a.dst = b.dst = addr_from_v4(2);
	a.port = b.port = 3;
	a.attempt = b.attempt = 4;
	assert_true(probe_identity(&settings, &a) == probe_identity(&settings, &b));
}

static void test_every_part_counts(void **state)
{
	struct probe_settings settings = settings_with_key(1), other_key = settings_with_key(2);
	struct ask asks[9];
	uint64_t ids[10];

	(void)state;
	for (size_t i = 0; i < 9; i++)
		asks[i] = base_ask();
	asks[1].kind = PROBE_ECHO;
	asks[2].src = addr_from_v4(0xc0a80002);
	asks[3].dst = addr_from_v4(0xc0a80065);
	asks[4].port = 54;
	asks[5].attempt = 1;
	asks[6].port = 53 << 8; /* bytes do not slide from one field into the next */
	asks[7].src.family = asks[7].dst.family = 6;
	asks[8].src = base_ask().dst; /* the two addresses are not the same in either order */
	asks[8].dst = base_ask().src;
	for (size_t i = 0; i < 9; i++)
		ids[i] = probe_identity(&settings, &asks[i]);
	ids[9] = probe_identity(&other_key, &asks[0]);
	for (size_t i = 0; i < 10; i++) {
		for (size_t j = i + 1; j < 10; j++)
			assert_false(ids[i] == ids[j]);
	}
}

static void test_other_settings_do_not_count(void **state)
{
	static const uint16_t ports[] = {40000};
	struct probe_settings settings = settings_with_key(1);
	struct ask ask = base_ask();
	uint64_t before = probe_identity(&settings, &ask);

	(void)state;
	settings.ttl = 64;
	settings.source_ports = ports;
	settings.source_port_count = 1;
	settings.checksum_mode = CHECKSUM_NONE;
	assert_true(probe_identity(&settings, &ask) == before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_same_ask_same_identity),
	        cmocka_unit_test(test_every_part_counts),
	        cmocka_unit_test(test_other_settings_do_not_count),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
