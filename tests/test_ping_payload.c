/* test_ping_payload.c: the datagram of --ping: its marker, its stamp, and what is no such datagram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/ping_payload.h"

static const uint8_t key[HASH_KEY_BYTES] = {1, 2, 3};
static const struct ping_stamp stamp = {0xbeef, 7, INT64_C(123456789012345)};

static void round_trip(void **state)
{
	uint8_t data[PING_DEFAULT_BYTES];
	struct ping_stamp seen = {0};

	(void)state;
	ping_payload_write(data, sizeof(data), key, &stamp);
	assert_memory_equal(data, "nscan?01\0", 10); /* then the nonce, still zero */
	assert_int_equal(data[10], 0xbe);
	assert_int_equal(data[15], 7);
	assert_int_equal(ping_payload_role(data, sizeof(data)), PING_ASKS);
	assert_true(ping_payload_read(data, sizeof(data), key, &seen));
	assert_int_equal(seen.serial, stamp.serial);
	assert_int_equal(seen.sequence, stamp.sequence);
	assert_true(seen.sent_ns == stamp.sent_ns);

	data[PING_NONCE_AT] = 0x55; /* chosen after the stamp was made */
	ping_payload_answer(data);
	assert_memory_equal(data, "nscan!01", PING_MARKER_BYTES);
	assert_int_equal(ping_payload_role(data, sizeof(data)), PING_ANSWERS);
	assert_true(ping_payload_read(data, sizeof(data), key, &seen));
}

/* Whoever changes a byte of the stamp, or has another key, is found out. */
static void forged(void **state)
{
	uint8_t data[PING_DEFAULT_BYTES];
	uint8_t other[HASH_KEY_BYTES] = {9};
	struct ping_stamp seen;

	(void)state;
	ping_payload_write(data, sizeof(data), key, &stamp);
	assert_false(ping_payload_read(data, sizeof(data), other, &seen));
	for (size_t i = 10; i < PING_STAMPED_LEAST; i++) {
		data[i] ^= 0x10;
		assert_false(ping_payload_read(data, sizeof(data), key, &seen));
		data[i] ^= 0x10;
	}
	for (size_t i = 0; i < PING_MARKER_BYTES; i++) {
		data[i] ^= 0x10;
		assert_int_equal(ping_payload_role(data, sizeof(data)), PING_FOREIGN);
		data[i] ^= 0x10;
	}
}

static void every_length(void **state)
{
	uint8_t data[100], longer[100];
	struct ping_stamp seen;

	(void)state;
	for (size_t n = PING_STAMPED_LEAST; n < sizeof(data); n++) {
		memset(data, 0xee, sizeof(data));
		ping_payload_write(data, n, key, &stamp);
		assert_true(ping_payload_read(data, n, key, &seen));
		for (size_t i = n; i < sizeof(data); i++)
			assert_int_equal(data[i], 0xee);
	}
	ping_payload_write(longer, sizeof(longer), key, &stamp);
	assert_memory_equal(data, longer, 99); /* the filling does not depend on the length */
	for (size_t n = 0; n < PING_STAMPED_LEAST; n++) {
		assert_int_equal(ping_payload_role(longer, n), PING_FOREIGN);
		assert_false(ping_payload_read(longer, n, key, &seen));
	}
	assert_int_equal(ping_payload_role(NULL, 0), PING_FOREIGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(round_trip),
	        cmocka_unit_test(forged),
	        cmocka_unit_test(every_length),
	};

	return cmocka_run_group_tests_name("ping_payload", tests, NULL, NULL);
}
