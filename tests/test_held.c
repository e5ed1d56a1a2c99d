/* test_held.c: holding source ports. Binds sockets, sends nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/link/internal.h"
#include "nscan/live.h"

/* A plain socket on that port of 127.0.0.1; -1 when it is in use. */
static int bind_udp(uint16_t port)
{
	struct sockaddr_in at = {
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_in at;
	socklen_t bytes = sizeof(at);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
	return ntohs(at.sin_port);
}

static void holds_random_ports(void **state)
{
	struct held_ports held;
	struct err err = {0};

	(void)state;
	assert_true(held_ports_take(64, 0, 42, &held, &err));
	assert_int_equal(held.count, 64);
	for (size_t i = 0; i < held.count; i++) {
		assert_true(held.ports[i] >= 1024);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(held.ports[i], held.ports[j]);
		assert_int_equal(bind_udp(held.ports[i]), -1);
	}
	held_ports_release(&held);
	assert_int_equal(held.count, 0);
	assert_null(held.ports);
}

static void seed_decides(void **state)
{
	struct held_ports first, again, other;
	struct err err = {0};
	uint16_t ports[16];
	size_t same = 0;

	(void)state;
	assert_true(held_ports_take(16, 0, 7, &first, &err));
	assert_true(held_ports_take(16, 0, 7, &again, &err));
	/* the ports of the first are in use now: skipped, not shared */
	for (size_t i = 0; i < 16; i++)
		for (size_t j = 0; j < 16; j++)
			assert_int_not_equal(first.ports[i], again.ports[j]);
	held_ports_release(&again);
	assert_true(held_ports_take(16, 0, 8, &other, &err));
	for (size_t i = 0; i < 16; i++)
		same += first.ports[i] == other.ports[i];
	assert_true(same < 16);
	held_ports_release(&other);
	memcpy(ports, first.ports, sizeof(ports));
	held_ports_release(&first);
	/* free again: the same ones (but for what some other program took meanwhile) */
	assert_true(held_ports_take(16, 0, 7, &again, &err));
	same = 0;
	for (size_t i = 0; i < 16; i++)
		same += again.ports[i] == ports[i];
	assert_true(same >= 12);
	held_ports_release(&again);
}

static void fixed_port(void **state)
{
	struct held_ports held;
	struct err err = {0};
	int blocker = bind_udp(0);
	uint16_t port = bound_port(blocker);
	char number[8];

	(void)state;
	assert_false(held_ports_take(64, port, 1, &held, &err));
	assert_int_equal(err.code, ERR_SYSTEM);
	snprintf(number, sizeof(number), "%u", port);
	assert_non_null(strstr(err.text, number));
	assert_non_null(strstr(err.text, "in use"));
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(held.count, 0);
	close(blocker);
	assert_true(held_ports_take(64, port, 1, &held, &err));
	assert_int_equal(held.count, 1);
	assert_int_equal(held.ports[0], port);
	assert_int_equal(bind_udp(port), -1);
	held_ports_release(&held);
	blocker = bind_udp(port);
	assert_true(blocker >= 0);
	close(blocker);
}

/* A range: every port that is free, in order; drawn from it when it has more than wanted. */
static void port_range(void **state)
{
	struct held_ports held;
	struct err err = {0};
	int blocker = bind_udp(0);
	uint16_t taken = bound_port(blocker);
	uint16_t first = taken > 65000 ? (uint16_t)(taken - 20) : taken;

	(void)state;
	assert_true(held_ports_take_range(first, (uint16_t)(first + 20), 100, 1, &held, &err));
	assert_in_range(held.count, 1, 20);
	for (size_t i = 0; i < held.count; i++) {
		assert_int_not_equal(held.ports[i], taken);
		assert_in_range(held.ports[i], first, first + 20);
		assert_true(i == 0 || held.ports[i] > held.ports[i - 1]);
	}
	held_ports_release(&held);
	assert_true(held_ports_take_range(20000, 29999, 8, 1, &held, &err));
	assert_int_equal(held.count, 8);
	for (size_t i = 0; i < held.count; i++)
		assert_in_range(held.ports[i], 20000, 29999);
	held_ports_release(&held);
	assert_false(held_ports_take_range(taken, taken, 1, 1, &held, &err));
	assert_non_null(strstr(err.text, "in use"));
	close(blocker);
}

static void raises_the_file_limit(void **state)
{
	struct rlimit before, tight;
	struct held_ports held;
	struct err err = {0};
	int next = dup(0);

	(void)state;
	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)next + 8;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_true(held_ports_take(32, 0, 3, &held, &err));
	assert_int_equal(held.count, 32);
	held_ports_release(&held);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* How many ports a process that may open `files` more files gets; 100 when the call failed with an error, as it should for none. */
static int held_with_files(int files)
{
	struct held_ports held;
	struct err err = {0};
	int next = dup(0);
	rlim_t most = (rlim_t)(next + files);

	close(next);
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, most}) != 0)
		return 101;
	if (held_ports_take(32, 0, 3, &held, &err))
		return (int)held.count;
	return err.code == ERR_SYSTEM && strstr(err.text, "source port") && !held.ports && !held.sockets ? 100 : 102;
}

/* In a child, because a hard limit cannot be raised again. */
static int in_child(int files)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(held_with_files(files));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void fewer_than_wanted(void **state)
{
	int got = in_child(5);

	(void)state;
	assert_in_range(got, 1, 5);
	assert_int_equal(in_child(0), 100);
}

static void nothing_left_behind(void **state)
{
	struct held_ports held;
	struct err err = {0};
	int before = dup(0), after;

	(void)state;
	close(before);
	assert_true(held_ports_take(20, 0, 5, &held, &err));
	held_ports_release(&held);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	held_ports_release(&held); /* twice does no harm */
}

static void reserved_ports(void **state)
{
	struct port_set set = {{0}};

	(void)state;
	port_set_add_text(&set, "\n");
	port_set_add_text(&set, "");
	for (unsigned port = 0; port < 65536; port++)
		assert_false(port_set_has(&set, port));
	port_set_add_text(&set, "8080,9148-9150,65535\n");
	assert_true(port_set_has(&set, 8080));
	assert_false(port_set_has(&set, 8081));
	assert_false(port_set_has(&set, 9147));
	assert_true(port_set_has(&set, 9148) && port_set_has(&set, 9149) && port_set_has(&set, 9150));
	assert_false(port_set_has(&set, 9151));
	assert_true(port_set_has(&set, 65535));
	/* out of range, backwards, broken off: no harm */
	port_set_add_text(&set, "70000-80000");
	port_set_add_text(&set, "200-100");
	assert_false(port_set_has(&set, 150));
	port_set_add_text(&set, "300-");
	port_set_add_text(&set, "x,400");
	assert_false(port_set_has(&set, 400));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(holds_random_ports),
	        cmocka_unit_test(seed_decides),
	        cmocka_unit_test(fixed_port),
	        cmocka_unit_test(port_range),
	        cmocka_unit_test(raises_the_file_limit),
	        cmocka_unit_test(fewer_than_wanted),
	        cmocka_unit_test(nothing_left_behind),
	        cmocka_unit_test(reserved_ports),
	};

	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
