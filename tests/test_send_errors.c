/* test_send_errors.c: refused packets are counted by errno and told in plain words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../src/cli/send_errors.h"

static void test_first_and_commonest(void **state)
{
	struct send_errors errors = {0};

	(void)state;
	assert_null(send_errors_commonest(&errors));
	assert_true(send_errors_add(&errors, EPERM));
	assert_false(send_errors_add(&errors, EPERM));
	assert_true(send_errors_add(&errors, ENOBUFS));
	assert_int_equal(errors.total, 3);
	assert_string_equal(send_errors_commonest(&errors), send_error_text(EPERM));
	send_errors_add(&errors, ENOBUFS);
	send_errors_add(&errors, ENOBUFS);
	assert_string_equal(send_errors_commonest(&errors), send_error_text(ENOBUFS));
}

static void test_more_kinds_than_rows(void **state)
{
	struct send_errors errors = {0};

	(void)state;
	for (int error = 1; error <= 3 * SEND_ERROR_KINDS; error++)
		assert_int_equal(send_errors_add(&errors, error), error <= SEND_ERROR_KINDS);
	assert_int_equal(errors.total, 3 * SEND_ERROR_KINDS);
	assert_non_null(send_errors_commonest(&errors));
}

/* Each text says what it means and what to do. */
static void test_texts(void **state)
{
	static const struct {
		int error;
		const char *means, *remedy;
	} rows[] = {
	        {EPERM, "firewall", "allow"},
	        {ENOBUFS, "queue", "--max-rate"},
	        {EAGAIN, "queue", "--max-rate"},
	        {EMSGSIZE, "MTU", "--data"},
	        {EHOSTUNREACH, "neighbour", "ip route get"},
	        {ENETUNREACH, "route", "ip route get"},
	        {ENETDOWN, "down", "ip link set"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_non_null(strstr(send_error_text(rows[i].error), rows[i].means));
		assert_non_null(strstr(send_error_text(rows[i].error), rows[i].remedy));
	}
	assert_string_equal(send_error_text(EIO), strerror(EIO));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_first_and_commonest),
	        cmocka_unit_test(test_more_kinds_than_rows),
	        cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests_name("send_errors", tests, NULL, NULL);
}
