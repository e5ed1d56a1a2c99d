/* test_send_queue.c: every packet leaves once or is reported once, on a socket pair instead of a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../src/link/internal.h"

struct fixture {
	int sockets[2]; /* the queue's, and the other end */
	struct send_queue queue;
	size_t failures;
	uint64_t failed[SEND_QUEUE_SLOTS];
	int errors[SEND_QUEUE_SLOTS];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, f->sockets) != 0)
		return -1;
	send_queue_init(&f->queue, f->sockets[0]);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->sockets[0]);
	close(f->sockets[1]);
	free(f);
	return 0;
}

static void note_failure(void *context, uint64_t cookie, int error)
{
	struct fixture *f = context;

	assert_true(f->failures < SEND_QUEUE_SLOTS);
	f->failed[f->failures] = cookie;
	f->errors[f->failures++] = error;
}

static void flush(struct fixture *f)
{
	send_queue_flush(&f->queue, note_failure, f);
	assert_int_equal(f->queue.count, 0);
}

static void add(struct fixture *f, uint8_t mark, const struct sockaddr_in *destination)
{
	uint8_t packet[100];

	memset(packet, mark, sizeof(packet));
	assert_true(send_queue_add(&f->queue, packet, sizeof(packet), destination, 1000 + mark));
	memset(packet, 0xff, sizeof(packet)); /* the queue has its own copy */
}

/* The mark of the next packet at the other end; -1 when there is none. */
static int receive(struct fixture *f)
{
	uint8_t packet[2000];
	ssize_t n = recv(f->sockets[1], packet, sizeof(packet), MSG_DONTWAIT);

	if (n < 0)
		return -1;
	assert_int_equal(n, 100);
	assert_int_equal(packet[0], packet[99]);
	return packet[0];
}

static void all_go_in_order(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 3; round++) {
		for (uint8_t i = 0; i < 8; i++)
			add(f, i, NULL);
		flush(f);
		for (int i = 0; i < 8; i++)
			assert_int_equal(receive(f), i);
		assert_int_equal(receive(f), -1);
	}
	assert_int_equal(f->failures, 0);
	flush(f); /* nothing to do */
	assert_int_equal(receive(f), -1);
}

/* Packets to an address of another family are refused (EINVAL) one by one; those around them go, once. */
static void errors_in_the_middle(void **state)
{
	static const uint8_t bad[] = {0, 3, 4, 7};
	struct sockaddr_in wrong = {.sin_family = AF_INET};
	struct fixture *f = *state;
	size_t next_bad = 0;

	for (uint8_t i = 0; i < 8; i++) {
		bool is_bad = next_bad < sizeof(bad) && bad[next_bad] == i;

		add(f, i, is_bad ? &wrong : NULL);
		next_bad += is_bad;
	}
	flush(f);
	assert_int_equal(f->failures, sizeof(bad));
	for (size_t i = 0; i < sizeof(bad); i++) {
		assert_int_equal(f->failed[i], 1000 + bad[i]);
		assert_int_equal(f->errors[i], EINVAL);
	}
	assert_int_equal(receive(f), 1);
	assert_int_equal(receive(f), 2);
	assert_int_equal(receive(f), 5);
	assert_int_equal(receive(f), 6);
	assert_int_equal(receive(f), -1);
}

/* Nobody reads: what does not fit is reported after a short wait, and the next flush begins afresh. */
static void full_socket(void **state)
{
	static const int small = 1;
	struct fixture *f = *state;
	int arrived = 0, mark;

	assert_int_equal(setsockopt(f->sockets[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (uint8_t i = 0; i < SEND_QUEUE_SLOTS; i++)
		add(f, i, NULL);
	assert_true(send_queue_is_full(&f->queue));
	flush(f);
	assert_true(f->failures > 0);
	while ((mark = receive(f)) >= 0)
		assert_int_equal(mark, arrived++);
	assert_int_equal(arrived + (int)f->failures, SEND_QUEUE_SLOTS);
	for (size_t i = 0; i < f->failures; i++) {
		assert_int_equal(f->failed[i], 1000 + arrived + (int)i);
		assert_int_equal(f->errors[i], EAGAIN);
	}
	f->failures = 0;
	add(f, 77, NULL);
	flush(f);
	assert_int_equal(f->failures, 0);
	assert_int_equal(receive(f), 77);
}

static void other_end_gone(void **state)
{
	struct fixture *f = *state;

	close(f->sockets[1]);
	f->sockets[1] = -1;
	add(f, 1, NULL);
	add(f, 2, NULL);
	flush(f);
	assert_int_equal(f->failures, 2);
	assert_int_equal(f->failed[0], 1001);
	assert_int_equal(f->failed[1], 1002);
	/* also without anybody to tell */
	add(f, 3, NULL);
	send_queue_flush(&f->queue, NULL, NULL);
	assert_int_equal(f->queue.count, 0);
}

static void too_much(void **state)
{
	struct fixture *f = *state;
	static uint8_t packet[SEND_LARGEST_BYTES + 1];

	assert_false(send_queue_add(&f->queue, packet, sizeof(packet), NULL, 1));
	assert_int_equal(f->queue.count, 0);
	for (int i = 0; i < SEND_QUEUE_SLOTS; i++) {
		assert_false(send_queue_is_full(&f->queue));
		assert_true(send_queue_add(&f->queue, packet, SEND_MAX_BYTES, NULL, 1));
	}
	assert_true(send_queue_is_full(&f->queue));
	assert_false(send_queue_add(&f->queue, packet, 10, NULL, 1));
}

/* Datagrams longer than a slot go with the others, in their order. */
static void large_ones(void **state)
{
	struct fixture *f = *state;
	static uint8_t packet[9014], seen[sizeof(packet) + 1];

	for (int round = 0; round < 3; round++) {
		add(f, 1, NULL);
		for (size_t i = 0; i < sizeof(packet); i++)
			packet[i] = (uint8_t)(i + (size_t)round);
		assert_true(send_queue_add(&f->queue, packet, sizeof(packet), NULL, 2));
		add(f, 3, NULL);
		flush(f);
		assert_int_equal(receive(f), 1);
		assert_int_equal(recv(f->sockets[1], seen, sizeof(seen), MSG_DONTWAIT), sizeof(packet));
		assert_memory_equal(seen, packet, sizeof(packet));
		assert_int_equal(receive(f), 3);
		for (size_t i = 0; i < SEND_QUEUE_SLOTS; i++)
			assert_null(f->queue.large[i]);
	}
	assert_int_equal(f->failures, 0);
}

static void what_a_sender_refuses(void **state)
{
	struct fixture *f = *state;
	static uint8_t packet[SEND_LARGEST_BYTES + 1] = {0x45, [16] = 127, 0, 0, 1};

	assert_int_equal(ethernet_sender.queue(&f->queue, packet, 13, 1), EINVAL);
	assert_int_equal(ethernet_sender.queue(&f->queue, packet, sizeof(packet), 1), EMSGSIZE);
	assert_int_equal(rawip_sender.queue(&f->queue, packet, 19, 1), EINVAL);
	assert_int_equal(rawip_sender.queue(&f->queue, packet, sizeof(packet), 1), EMSGSIZE);
	assert_int_equal(f->queue.count, 0);
	assert_int_equal(ethernet_sender.queue(&f->queue, packet, 14, 1), 0);
	assert_int_equal(rawip_sender.queue(&f->queue, packet, 28, 1), 0);
	assert_int_equal(f->queue.count, 2);
	assert_null(f->queue.headers[0].msg_hdr.msg_name);
	assert_int_equal(f->queue.destinations[1].sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	packet[0] = 0x60;
	assert_int_equal(rawip_sender.queue(&f->queue, packet, 60, 1), EAFNOSUPPORT);
}

/* By the thread: all leave in order, and what failed is told by whoever fills the queues. */
static void a_thread_sends_them_all(void **state)
{
	enum { PACKETS = 5000 };
	struct fixture *f = *state;
	struct send_thread *thread = send_thread_start(f->sockets[0], -1, false);
	int received = 0;

	assert_non_null(thread);
	for (int i = 0; i < PACKETS; i++) {
		struct send_queue *queue = send_thread_queue(thread, note_failure, f);
		uint8_t packet[100];

		memset(packet, i % 251, sizeof(packet));
		assert_true(send_queue_add(queue, packet, sizeof(packet), NULL, (uint64_t)i));
		if (send_queue_is_full(queue) || i % 97 == 0)
			send_thread_submit(thread, note_failure, f);
		for (int mark = receive(f); mark >= 0; mark = receive(f))
			assert_int_equal(mark, received++ % 251);
	}
	send_thread_submit(thread, note_failure, f);
	for (int quiet = 0; received < PACKETS && quiet < 2000; quiet++) {
		for (int mark = receive(f); mark >= 0; mark = receive(f), quiet = 0)
			assert_int_equal(mark, received++ % 251);
		usleep(1000);
	}
	send_thread_stop(thread, note_failure, f);
	assert_int_equal(received, PACKETS);
	assert_int_equal(f->failures, 0);
}

static void count_failure(void *context, uint64_t cookie, int error)
{
	int *count = context;

	(void)cookie;
	(void)error;
	++*count;
}

/* Where the order does not matter the filler sends, too: each packet arrives once, or its failure is told (the filler itself empties
 * the other end, so that it may find that full). */
static void a_thread_and_the_loop_send_them_all(void **state)
{
	enum { PACKETS = 5000 };
	struct fixture *f = *state;
	struct send_thread *thread = send_thread_start(f->sockets[0], -1, true);
	int all = 0, failures = 0;

	assert_non_null(thread);
	for (int i = 0; i < PACKETS; i++) {
		struct send_queue *queue = send_thread_queue(thread, count_failure, &failures);
		uint8_t packet[100];

		memset(packet, i % 251, sizeof(packet));
		assert_true(send_queue_add(queue, packet, sizeof(packet), NULL, (uint64_t)i));
		if (send_queue_is_full(queue) || i % 97 == 0)
			send_thread_submit(thread, count_failure, &failures);
		while (receive(f) >= 0)
			all++;
	}
	send_thread_submit(thread, count_failure, &failures);
	for (int quiet = 0; all + failures < PACKETS && quiet < 500; quiet++) {
		for (; receive(f) >= 0; quiet = 0)
			all++;
		usleep(1000);
	}
	send_thread_stop(thread, count_failure, &failures);
	while (receive(f) >= 0)
		all++;
	assert_int_equal(all + failures, PACKETS);
	assert_true(failures < PACKETS / 2);
}

static void a_thread_tells_failures(void **state)
{
	struct fixture *f = *state;
	struct send_thread *thread = send_thread_start(-1, -1, false); /* no socket: nothing can be sent */
	uint8_t packet[100] = {0};

	assert_non_null(thread);
	for (uint64_t i = 0; i < 3; i++)
		assert_true(
		        send_queue_add(send_thread_queue(thread, note_failure, f), packet, sizeof(packet), NULL, i));
	send_thread_submit(thread, note_failure, f);
	send_thread_stop(thread, note_failure, f);
	assert_int_equal(f->failures, 3);
	assert_int_equal(f->failed[2], 2);
	assert_int_equal(f->errors[0], EBADF);
	send_thread_stop(NULL, note_failure, f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(all_go_in_order, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(errors_in_the_middle, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(full_socket, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(other_end_gone, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(too_much, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(large_ones, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_a_sender_refuses, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_thread_sends_them_all, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_thread_and_the_loop_send_them_all, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_thread_tells_failures, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("send_queue", tests, NULL, NULL);
}
