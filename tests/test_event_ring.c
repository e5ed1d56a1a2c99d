/* test_event_ring.c: events come out in the order they went in, however the ring grew meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../src/core/event_ring.h"

static void test_order(void **state)
{
	struct event_ring ring = {0};
	struct addr addr = addr_from_v4(0x0a000001);
	struct event event;
	uint64_t added = 0, taken = 0;

	(void)state;
	assert_false(event_ring_take(&ring, &event));
	/* Three in, one out: it wraps and grows in every position. */
	while (added < 3000) {
		for (int i = 0; i < 3; i++, added++) {
			struct event *new = event_ring_add(&ring, EVENT_NOTE, (int64_t)added, &addr, added, added + 1);

			assert_non_null(new);
			assert_true(new->kind == EVENT_NOTE &&new->index == added + 1 && !new->swept);
			assert_int_equal(new->u.note.port, 0); /* nothing left of whoever had this place before */
			new->u.note.port = 53;
			new->swept = true;
		}
		assert_true(event_ring_take(&ring, &event));
		assert_int_equal(event.ordinal, taken++);
	}
	while (event_ring_take(&ring, &event)) {
		assert_int_equal(event.ordinal, taken++);
		assert_true(addr_equal(&event.addr, &addr));
	}
	assert_int_equal(taken, added);
	event_ring_free(&ring);
	assert_false(event_ring_take(&ring, &event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("event_ring", tests, NULL, NULL);
}
