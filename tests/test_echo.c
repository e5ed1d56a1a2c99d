/* test_echo.c: what --echo-server answers, and that it cannot be used against others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/echo.h"
#include "nscan/ping_payload.h"

#define S INT64_C(1000000000)

static const uint8_t key[HASH_KEY_BYTES] = {3};

struct fixture {
	struct echo *echo;
	uint8_t data[PING_DEFAULT_BYTES];
	struct echo_request request;
	bool is_new;
};

/* A request from 10.0.0.last. */
static void ask(struct fixture *f, uint8_t last)
{
	static const struct ping_stamp stamp = {1, 1, 1};

	ping_payload_write(f->data, sizeof(f->data), key, &stamp);
	f->request = (struct echo_request){
	        .src = {4, {10, 0, 0, last}},
	        .src_port = 40000,
	        .dst_port = 9000,
	        .to_one = true,
	        .data = f->data,
	        .n = sizeof(f->data),
	};
}

static bool take(struct fixture *f, int64_t now_ns)
{
	return echo_take(f->echo, &f->request, now_ns, &f->is_new);
}

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;

	f.echo = echo_new(0, key, &err);
	*state = &f;
	return f.echo ? 0 : -1;
}

static int tear_down(void **state)
{
	echo_free(((struct fixture *)*state)->echo);
	return 0;
}

static void answers_with_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	uint8_t before[PING_DEFAULT_BYTES];

	ask(f, 1);
	memcpy(before, f->data, sizeof(before));
	assert_true(take(f, S));
	assert_true(f->is_new);
	assert_int_equal(ping_payload_role(f->data, sizeof(f->data)), PING_ANSWERS);
	assert_memory_equal(f->data + PING_MARKER_BYTES, before + PING_MARKER_BYTES,
	                    sizeof(before) - PING_MARKER_BYTES);
	assert_int_equal(echo_counted(f->echo)->answered, 1);
	assert_int_equal(echo_counted(f->echo)->answered_bytes, sizeof(before));
}

/* Two servers, or this and an RFC 862 one, fall silent after the first answer. */
static void never_answers_an_answer(void **state)
{
	struct fixture *f = *state;

	ask(f, 1);
	assert_true(take(f, S));
	assert_false(take(f, S)); /* the very answer, sent back */
	assert_int_equal(echo_counted(f->echo)->answers, 1);
	assert_int_equal(echo_counted(f->echo)->answered, 1);
}

static void answers_nothing_else(void **state)
{
	struct fixture *f = *state;

	ask(f, 1);
	f->data[0] ^= 1;
	assert_false(take(f, S));
	ask(f, 1);
	f->request.n = PING_STAMPED_LEAST - 1;
	assert_false(take(f, S));
	ask(f, 1);
	f->request.n = 0;
	assert_false(take(f, S));
	ask(f, 1);
	f->request.src_port = 0;
	assert_false(take(f, S));
	ask(f, 1);
	f->request.cut = true;
	assert_false(take(f, S));
	assert_int_equal(echo_counted(f->echo)->foreign, 5);
	ask(f, 1);
	f->request.to_one = false;
	assert_false(take(f, S));
	assert_int_equal(echo_counted(f->echo)->broadcasts, 1);
	assert_int_equal(echo_counted(f->echo)->answered, 0);
	assert_int_equal(echo_counted(f->echo)->received, 6);
}

static uint64_t answered_of(struct fixture *f, int count, uint8_t last, int64_t from_ns, int64_t apart_ns)
{
	uint64_t answered = 0;

	for (int i = 0; i < count; i++) {
		ask(f, last);
		answered += take(f, from_ns + i * apart_ns);
	}
	return answered;
}

/* Within a millisecond: the burst. Over a second: the rate beside it. Another source is not concerned. */
static void limits_each_source(void **state)
{
	struct fixture *f = *state;

	assert_in_range(answered_of(f, 1000, 1, S, 1000), ECHO_SOURCE_BURST, ECHO_SOURCE_BURST + 3);
	assert_int_equal(answered_of(f, 100, 2, S + 1000000, 1000), 100);
	assert_true(echo_counted(f->echo)->over_source >= 795);
	assert_in_range(answered_of(f, 4000, 3, 5 * S, S / 4000), ECHO_SOURCE_RATE + ECHO_SOURCE_BURST - 2,
	                ECHO_SOURCE_RATE + ECHO_SOURCE_BURST + 2);
	assert_int_equal(echo_counted(f->echo)->over_all, 0);
}

/* A flood with as many forged sources as there are. */
static void limits_all_together(void **state)
{
	struct fixture *f = *state;
	uint64_t answered = 0;

	for (int i = 0; i < 40000; i++) {
		ask(f, 0);
		f->request.src.bytes[1] = (uint8_t)(i >> 8);
		f->request.src.bytes[2] = (uint8_t)i;
		answered += take(f, S + i * (S / 40000));
	}
	assert_in_range(answered, ECHO_RATE + ECHO_BURST - 5, ECHO_RATE + ECHO_BURST + 5);
	assert_true(echo_counted(f->echo)->over_all > 25000);
}

static void obeys_a_rate_of_its_own(void **state)
{
	struct fixture f = {0};
	struct err err;

	(void)state;
	f.echo = echo_new(5, key, &err);
	assert_non_null(f.echo);
	assert_in_range(answered_of(&f, 1000, 1, S, S / 100), 50, 51); /* ten seconds */
	echo_free(f.echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(answers_with_the_same_bytes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(never_answers_an_answer, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(answers_nothing_else, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(limits_each_source, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(limits_all_together, set_up, tear_down),
	        cmocka_unit_test(obeys_a_rate_of_its_own),
	};

	return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
