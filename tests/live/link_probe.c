/* link_probe.c: drives the live link for tests/live/link.sh, with packets made by hand; says what went wrong and exits 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/live.h"

#define MS INT64_C(1000000)

enum { SEEN_MAX = 8192, SEEN_BYTES = 128, ECHO_ID = 0x4e53, HELD_PORTS = 64 };

struct seen {
	int64_t at_ns;
	int64_t taken_ns; /* when it was handed over */
	enum frame_link type;
	size_t captured;
	uint8_t bytes[SEEN_BYTES];
};

/* Everything a test works with. One per process, so it stands here. */
static struct probe_run {
	struct network network;
	struct held_ports held;
	struct link *link;
	int interface;
	uint8_t peer_mac[MAC_BYTES];
	int64_t last_ns; /* when the last frame arrived */
	size_t seen_count;
	struct seen seen[SEEN_MAX];
	size_t failures;
	uint64_t failed_cookie;
	int failed_errno;
	int64_t read_ns, held_ns, open_ns; /* what each step of starting took */
} run;

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			fail("line %d: not true: %s", __LINE__, #condition);                                           \
	} while (0)

static void note_failure(void *context, uint64_t cookie, int error)
{
	(void)context;
	run.failures++;
	run.failed_cookie = cookie;
	run.failed_errno = error;
}

static void note_frame(void *context, const struct frame *frame)
{
	struct seen *s = &run.seen[run.seen_count];

	(void)context;
	CHECK(frame->interface == run.interface);
	CHECK(frame->wire_bytes >= frame->captured);
	run.last_ns = frame->at_ns;
	if (run.seen_count == SEEN_MAX)
		return;
	run.seen_count++;
	s->at_ns = frame->at_ns;
	s->taken_ns = link_now(run.link);
	s->type = frame->type;
	s->captured = frame->captured < SEEN_BYTES ? frame->captured : SEEN_BYTES;
	memcpy(s->bytes, frame->bytes, s->captured);
}

static bool open_link(const char *name, struct err *err)
{
	bool use[256] = {false};
	struct live_options options = {.network = &run.network, .use_interface = use, .send_failed = note_failure};
	sigset_t while_waiting;
	int64_t began = live_wall_ns();

	sigemptyset(&while_waiting);
	options.wait_mask = &while_waiting;
	if (!network_read(&run.network, err))
		return false;
	run.read_ns = live_wall_ns() - began;
	run.interface = network_interface_by_name(&run.network, name);
	if (run.interface < 0 || run.interface > 255)
		return err_set(err, ERR_SYSTEM, "no interface %s", name);
	use[run.interface] = true;
	began = live_wall_ns();
	if (!held_ports_take(HELD_PORTS, 0, 1, &run.held, err))
		return false;
	run.held_ns = live_wall_ns() - began;
	options.source_ports = run.held.ports;
	options.source_port_count = run.held.count;
	began = live_wall_ns();
	run.link = live_link_open(&options, err);
	run.open_ns = live_wall_ns() - began;
	return run.link != NULL;
}

static void must_open(const char *name)
{
	struct err err = {0};

	if (!open_link(name, &err))
		fail("%s", err.text);
}

static void receive_until(int64_t until_ns)
{
	struct err err = {0};

	do {
		if (!link_recv(run.link, until_ns, note_frame, NULL, &err))
			fail("recv: %s", err.text);
	} while (link_now(run.link) < until_ns);
}

static const struct interface *interface(void)
{
	return &run.network.interfaces[run.interface];
}

static struct addr own_addr(void)
{
	for (size_t i = 0; i < run.network.addr_count; i++)
		if (run.network.addrs[i].interface == run.interface && run.network.addrs[i].addr.family == 4)
			return run.network.addrs[i].addr;
	fail("no address on %s", interface()->name);
}

/* An echo request, with Ethernet header on Ethernet; returns its length. */
static size_t make_echo(uint8_t *out, const struct addr *dst, uint16_t sequence)
{
	struct addr src = own_addr();
	uint8_t *ip = out, *icmp;

	memset(out, 0, 100);
	if (interface()->kind == LINK_ETHERNET) {
		memcpy(out, run.peer_mac, MAC_BYTES);
		memcpy(out + 6, interface()->mac, MAC_BYTES);
		put_u16(out + 12, 0x0800);
		ip = out + 14;
	}
	icmp = ip + 20;
	ip[0] = 0x45;
	put_u16(ip + 2, 20 + 8 + 16);
	put_u16(ip + 4, (uint16_t)(0x100 + sequence));
	ip[8] = 64;
	ip[9] = 1;
	memcpy(ip + 12, src.bytes, 4);
	memcpy(ip + 16, dst->bytes, 4);
	put_u16(ip + 10, checksum_finish(checksum_add(0, ip, 20)));
	icmp[0] = 8;
	put_u16(icmp + 4, ECHO_ID);
	put_u16(icmp + 6, sequence);
	put_u16(icmp + 2, checksum_finish(checksum_add(0, icmp, 24)));
	return (size_t)(icmp + 24 - out);
}

/* The IP packet in a frame seen; NULL when it is none. */
static const uint8_t *ip_of(const struct seen *s)
{
	if (s->type == FRAME_RAW_IP)
		return s->captured >= 28 && s->bytes[0] >> 4 == 4 ? s->bytes : NULL;
	return s->captured >= 42 && s->bytes[12] == 8 && s->bytes[13] == 0 ? s->bytes + 14 : NULL;
}

/* How often a packet of that ICMP type with that sequence was seen; *last is the last one. */
static int count_icmp(uint8_t type, uint16_t sequence, const struct seen **last)
{
	int count = 0;

	for (size_t i = 0; i < run.seen_count; i++) {
		const uint8_t *ip = ip_of(&run.seen[i]);

		if (!ip || ip[9] != 1 || ip[20] != type || (ip[24] << 8 | ip[25]) != ECHO_ID ||
		    (ip[26] << 8 | ip[27]) != sequence)
			continue;
		count++;
		*last = &run.seen[i];
	}
	return count;
}

static void check_time(const struct seen *s, int64_t sent_ns)
{
	int64_t rtt_ns = s->at_ns - sent_ns;

	if (rtt_ns < 0 || rtt_ns > 1000 * MS)
		fail("an answer came %" PRId64 " ns after its question", rtt_ns);
	CHECK(s->at_ns <= s->taken_ns);
}

static void find_peer(const struct addr *dst)
{
	struct addr src = own_addr();
	uint8_t arp[42] = {[12] = 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
	int64_t sent_ns = link_now(run.link);

	memset(arp, 0xff, 6);
	memcpy(arp + 6, interface()->mac, 6);
	memcpy(arp + 22, interface()->mac, 6);
	memcpy(arp + 28, src.bytes, 4);
	memcpy(arp + 38, dst->bytes, 4);
	link_send(run.link, run.interface, arp, sizeof(arp), 1);
	link_flush(run.link);
	while (link_now(run.link) < sent_ns + 500 * MS) {
		receive_until(link_now(run.link) + 5 * MS);
		for (size_t i = 0; i < run.seen_count; i++) {
			const struct seen *s = &run.seen[i];

			if (s->captured < 42 || s->bytes[13] != 6 || s->bytes[21] != 2 ||
			    memcmp(s->bytes + 28, dst->bytes, 4))
				continue;
			check_time(s, sent_ns);
			memcpy(run.peer_mac, s->bytes + 22, MAC_BYTES);
			return;
		}
	}
	fail("no ARP reply");
}

static struct addr arg_addr(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		fail("not an address: %s", text);
	return a;
}

/* exchange IF DST COUNT: COUNT echo requests a millisecond apart from the first moment on. Each answer is seen exactly once,
 * through the change from the early socket to libpcap, nothing of our own is, and times are sane. */
static void exchange(char **args)
{
	struct addr dst = arg_addr(args[1]);
	int count = atoi(args[2]);
	int64_t sent_ns[4096];
	int quick = 0;
	uint8_t frame[100];
	struct link_counters counters;
	const struct seen *s = NULL;

	must_open(args[0]);
	if (interface()->kind == LINK_ETHERNET)
		find_peer(&dst);
	for (int i = 0; i < count; i++) {
		sent_ns[i] = link_now(run.link);
		link_send(run.link, run.interface, frame, make_echo(frame, &dst, (uint16_t)i), (uint64_t)i);
		link_flush(run.link);
		receive_until(link_now(run.link) + MS);
	}
	receive_until(link_now(run.link) + 50 * MS);
	CHECK(run.failures == 0);
	for (int i = 0; i < count; i++) {
		int answers = count_icmp(0, (uint16_t)i, &s);
		int own = count_icmp(8, (uint16_t)i, &s);

		if (answers != 1)
			fail("answer %d was seen %d times", i, answers);
		if (own != interface()->loopback)
			fail("request %d was seen %d times", i, own);
		count_icmp(0, (uint16_t)i, &s);
		check_time(s, sent_ns[i]);
		quick += s->taken_ns - sent_ns[i] < 5 * MS;
		CHECK(s->type == (interface()->kind == LINK_ETHERNET ? FRAME_ETHERNET : FRAME_RAW_IP));
	}
	if (quick < count * 8 / 10)
		fail("only %d of %d answers came within 5 ms", quick, count);
	link_counters(run.link, &counters);
	CHECK(counters.frames_received == run.seen_count && counters.kernel_drops == 0);
}

/* late IF DST: answers that are read late carry the time of their arrival. */
static void late(char **args)
{
	struct addr dst = arg_addr(args[1]);
	uint8_t frame[100];
	const struct seen *s;
	int64_t sent_ns;

	must_open(args[0]);
	receive_until(link_now(run.link) + 80 * MS);
	sent_ns = link_now(run.link);
	for (uint16_t i = 0; i < 100; i++)
		link_send(run.link, run.interface, frame, make_echo(frame, &dst, i), i);
	link_flush(run.link);
	usleep(100000);
	receive_until(link_now(run.link) + 20 * MS);
	for (uint16_t i = 0; i < 100; i++) {
		CHECK(count_icmp(0, i, &s) == 1);
		check_time(s, sent_ns);
		if (s->at_ns - sent_ns > 50 * MS)
			fail("answer %d has the time of reading", i);
	}
}

/* A child that asks every 20 microseconds for the given time, with rising sequence numbers. */
static pid_t keep_asking(const char *name, const struct addr *dst, int64_t duration_ns)
{
	pid_t child = fork();
	uint8_t frame[100];
	int64_t end_ns;

	CHECK(child >= 0);
	if (child > 0)
		return child;
	must_open(name);
	end_ns = link_now(run.link) + duration_ns;
	for (uint16_t i = 0; link_now(run.link) < end_ns; i++) {
		link_send(run.link, run.interface, frame, make_echo(frame, dst, i), i);
		link_flush(run.link);
		for (int64_t next_ns = link_now(run.link) + MS / 50; link_now(run.link) < next_ns;)
			;
	}
	_exit(run.failures > 0);
}

/* handover IF DST: in the middle of traffic, no packet is lost and none is seen twice when libpcap takes over. */
static void handover(char **args)
{
	struct addr dst = arg_addr(args[1]);
	pid_t child = keep_asking(args[0], &dst, 200 * MS);
	int next = -1, answers = 0, status;

	usleep(50000);
	must_open(args[0]);
	usleep(5000);
	receive_until(link_now(run.link) + 80 * MS);
	for (size_t i = 0; i < run.seen_count; i++) {
		const uint8_t *ip = ip_of(&run.seen[i]);
		int sequence;

		if (!ip || ip[9] != 1 || ip[20] != 0)
			continue;
		sequence = ip[26] << 8 | ip[27];
		if (next >= 0 && sequence != next)
			fail("after %d answers: %d instead of %d", answers, sequence, next);
		next = sequence + 1;
		answers++;
	}
	if (answers < 500)
		fail("only %d answers", answers);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* full IF DST: what does not fit the interface's queue is reported, soon, and nothing is reported that did go. */
static void full(char **args)
{
	struct addr dst = arg_addr(args[1]);
	uint8_t frame[100];
	int64_t began_ns;

	must_open(args[0]);
	began_ns = link_now(run.link);
	for (uint16_t i = 0; i < 64; i++)
		link_send(run.link, run.interface, frame, make_echo(frame, &dst, i), i);
	link_flush(run.link);
	CHECK(link_now(run.link) - began_ns < 200 * MS);
	printf("%zu of 64 reported\n", run.failures);
	CHECK(run.failures > 0 && run.failures < 64 && run.failed_errno == ENOBUFS);
}

static void shell(const char *before, const char *name, const char *after)
{
	char command[200];

	snprintf(command, sizeof(command), "%s %s %s", before, name, after);
	if (system(command) != 0)
		fail("failed: %s", command);
}

/* down IF DST: sending into an interface that is down is reported; receiving goes on, and both work again when it is up. */
static void down(char **args)
{
	struct addr dst = arg_addr(args[1]);
	uint8_t frame[100];
	const struct seen *s = NULL;

	must_open(args[0]);
	find_peer(&dst);
	receive_until(link_now(run.link) + 80 * MS); /* libpcap is up by then */
	shell("ip link set", args[0], "down");
	for (int round = 0; round < 3; round++) {
		run.failures = 0;
		link_send(run.link, run.interface, frame, make_echo(frame, &dst, 1), 99);
		link_flush(run.link);
		if (run.failures != 1 || run.failed_cookie != 99 || run.failed_errno != ENETDOWN)
			fail("%zu failures, cookie %" PRIu64 ", %s", run.failures, run.failed_cookie,
			     strerror(run.failed_errno));
		receive_until(link_now(run.link) + 30 * MS);
	}
	shell("ip link set", args[0], "up");
	receive_until(link_now(run.link) + 50 * MS);
	run.failures = 0;
	run.seen_count = 0;
	find_peer(&dst);
	link_send(run.link, run.interface, frame, make_echo(frame, &dst, 2), 100);
	link_flush(run.link);
	receive_until(link_now(run.link) + 50 * MS);
	CHECK(run.failures == 0);
	CHECK(count_icmp(0, 2, &s) == 1);
}

/* gone IF: a deleted interface ends the waiting with an error that names it; so does one that was down first. */
static void gone(char **args)
{
	int64_t until_ns;
	struct err err = {0};

	must_open(args[0]);
	receive_until(link_now(run.link) + 80 * MS);
	if (args[1]) {
		shell("ip link set", args[0], "down");
		receive_until(link_now(run.link) + 10 * MS);
	}
	shell("ip link del", args[0], "");
	until_ns = link_now(run.link) + 1000 * MS;
	while (link_recv(run.link, until_ns, note_frame, NULL, &err))
		if (link_now(run.link) >= until_ns)
			fail("recv never failed");
	if (err.code != ERR_SYSTEM || !strstr(err.text, args[0]))
		fail("unexpected: %s", err.text);
}

/* open IF: says why it cannot be opened. */
static void open_only(char **args)
{
	struct err err = {0};

	if (open_link(args[0], &err))
		fail("opened");
	printf("%s\n", err.text);
}

static void unprivileged(char **args)
{
	CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	open_only(args);
}

/* hold: holds ports until standard input ends; prints the first. Then nothing may have been queued. */
static void hold(char **args)
{
	struct held_ports held;
	struct err err = {0};
	char byte;

	(void)args;
	if (!held_ports_take(HELD_PORTS, 0, 99, &held, &err))
		fail("%s", err.text);
	printf("%u\n", held.ports[0]);
	fflush(stdout);
	CHECK(read(0, &byte, 1) == 0);
	for (size_t i = 0; i < held.count; i++)
		CHECK(recv(held.sockets[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	held_ports_release(&held);
}

/* listen IF: prints a held port, then, when standard input ends, what UDP and fragments were seen. */
static void listen_to(char **args)
{
	struct pollfd end = {.fd = 0, .events = POLLIN};

	must_open(args[0]);
	receive_until(link_now(run.link) + MS);
	printf("%u\n", run.held.ports[3]);
	fflush(stdout);
	while (poll(&end, 1, 0) == 0)
		receive_until(link_now(run.link) + 10 * MS);
	receive_until(link_now(run.link) + 10 * MS);
	for (size_t i = 0; i < run.seen_count; i++) {
		const uint8_t *ip = ip_of(&run.seen[i]);

		if (ip && ((ip[6] & 0x3f) || ip[7]))
			printf("fragment\n");
		else if (ip && ip[9] == 17)
			printf("udp %u\n", ip[22] << 8 | ip[23]);
	}
}

/* tun: what we send comes out of the device byte for byte, what the device is given is received as raw IP. */
static void tun(char **args)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct addr dst = arg_addr("10.99.0.2");
	uint8_t packet[100], arrived[2000];
	const struct seen *s = NULL;
	int64_t sent_ns;
	ssize_t n;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", args[0]);
	if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0)
		fail("no tun device: %s", strerror(errno));
	shell("ip addr add 10.99.0.1/24 dev", args[0], "");
	shell("ip link set", args[0], "up");
	must_open(args[0]);
	CHECK(interface()->kind == LINK_RAW_IP && !interface()->loopback);
	for (uint16_t sequence = 0; sequence < 3; sequence++) {
		size_t length = make_echo(packet, &dst, sequence);

		sent_ns = link_now(run.link);
		link_send(run.link, run.interface, packet, length, sequence);
		link_flush(run.link);
		/* IPv6 talks on a fresh interface, too. */
		do {
			n = read(device, arrived, sizeof(arrived));
		} while (n > 0 && arrived[0] >> 4 != 4);
		CHECK(n == (ssize_t)length && memcmp(arrived, packet, length) == 0);
		memcpy(arrived + 12, packet + 16, 4);
		memcpy(arrived + 16, packet + 12, 4);
		arrived[20] = 0;
		put_u16(arrived + 22, 0);
		put_u16(arrived + 22, checksum_finish(checksum_add(0, arrived + 20, 24)));
		CHECK(write(device, arrived, length) == (ssize_t)length);
		receive_until(link_now(run.link) + 20 * MS);
		CHECK(count_icmp(0, sequence, &s) == 1);
		CHECK(s->type == FRAME_RAW_IP);
		check_time(s, sent_ns);
		CHECK(count_icmp(8, sequence, &s) == 0);
	}
	/* larger than the interface takes */
	shell("ip link set", args[0], "mtu 600");
	run.failures = 0;
	make_echo(packet, &dst, 9);
	memset(arrived, 0, sizeof(arrived));
	memcpy(arrived, packet, 44);
	put_u16(arrived + 2, 1000);
	link_send(run.link, run.interface, arrived, 1000, 7);
	link_flush(run.link);
	CHECK(run.failures == 1 && run.failed_cookie == 7 && run.failed_errno == EMSGSIZE);
}

static volatile sig_atomic_t signalled;

static void note_signal(int number)
{
	signalled = number;
}

/* signal IF: a signal that is blocked everywhere else ends the waiting, be it early or late in the scan. */
static void signal_ends_wait(char **args)
{
	struct sigaction action = {.sa_handler = note_signal};
	struct itimerval soon = {.it_value.tv_usec = 2000};
	struct err err = {0};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
	must_open(args[0]);
	for (int round = 0; round < 2; round++) {
		int64_t began_ns = link_now(run.link);

		signalled = 0;
		CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
		while (!signalled && link_now(run.link) < began_ns + 2000 * MS)
			CHECK(link_recv(run.link, began_ns + 3000 * MS, note_frame, NULL, &err));
		CHECK(signalled == SIGALRM);
		receive_until(link_now(run.link) + 80 * MS);
		/* One that comes while nobody waits is not missed either. */
		signalled = 0;
		CHECK(raise(SIGALRM) == 0 && !signalled);
		CHECK(link_recv(run.link, link_now(run.link) + 2000 * MS, note_frame, NULL, &err));
		CHECK(signalled == SIGALRM);
	}
}

/* refused IF DST: packets that the local firewall drops are each reported, EPERM. */
static void refused(char **args)
{
	struct addr dst = arg_addr(args[1]);
	uint8_t packet[100];

	must_open(args[0]);
	for (uint16_t i = 0; i < 10; i++)
		link_send(run.link, run.interface, packet, make_echo(packet, &dst, i), i);
	link_flush(run.link);
	CHECK(run.failures == 10 && run.failed_cookie == 9 && run.failed_errno == EPERM);
}

/* rate IF SECONDS: how many frames leave in a second. */
static void rate(char **args)
{
	struct addr dst = arg_addr("10.98.0.2");
	uint64_t sent = 0;
	uint8_t frame[100];
	int64_t began_ns, until_ns;
	size_t length;

	must_open(args[0]);
	find_peer(&dst);
	length = make_echo(frame, &dst, 1);
	began_ns = link_now(run.link);
	until_ns = began_ns + atoi(args[1]) * 1000 * MS;
	while (link_now(run.link) < until_ns) {
		for (int i = 0; i < 256; i++)
			link_send(run.link, run.interface, frame, length, sent++);
		link_flush(run.link);
	}
	printf("%.0f frames/s, %zu not sent\n", (double)sent * 1e9 / (double)(link_now(run.link) - began_ns),
	       run.failures);
}

/* count IF SECONDS: how many frames arrive, and how many are lost. */
static void count(char **args)
{
	struct link_counters counters;
	int64_t first_ns, last_ns;

	must_open(args[0]);
	receive_until(link_now(run.link) + atoi(args[1]) * 1000 * MS);
	link_counters(run.link, &counters);
	first_ns = run.seen_count ? run.seen[0].at_ns : 0;
	last_ns = run.last_ns;
	printf("%" PRIu64 " frames, %.0f a second, %" PRIu64 " lost\n", counters.frames_received,
	       (double)counters.frames_received * 1e9 / (double)(last_ns - first_ns + 1), counters.kernel_drops);
}

/* start IF: where the time goes before the first probe, and in the first recv. */
static void start(char **args)
{
	int64_t began, first_recv;

	must_open(args[0]);
	began = live_wall_ns();
	receive_until(link_now(run.link) + MS);
	first_recv = live_wall_ns() - began;
	began = live_wall_ns();
	link_close(run.link);
	printf("read %.2f held %.2f open %.2f first-recv %.2f close %.2f ms\n", (double)run.read_ns / 1e6,
	       (double)run.held_ns / 1e6, (double)run.open_ns / 1e6, (double)first_recv / 1e6,
	       (double)(live_wall_ns() - began) / 1e6);
	run.link = NULL;
}

static const struct {
	const char *name;
	int args;
	void (*run)(char **args);
} commands[] = {
        {"exchange", 3, exchange},
        {"late", 2, late},
        {"handover", 2, handover},
        {"full", 2, full},
        {"down", 2, down},
        {"gone", 1, gone},
        {"open", 1, open_only},
        {"hold", 0, hold},
        {"listen", 1, listen_to},
        {"tun", 1, tun},
        {"signal", 1, signal_ends_wait},
        {"refused", 2, refused},
        {"rate", 2, rate},
        {"count", 2, count},
        {"start", 1, start},
        {"unprivileged", 1, unprivileged},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0 || argc - 2 < commands[i].args)
			continue;
		commands[i].run(argv + 2);
		link_close(run.link);
		held_ports_release(&run.held);
		network_free(&run.network);
		return 0;
	}
	fprintf(stderr, "usage: link_probe "
	                "exchange|late|handover|full|down|gone|open|hold|listen|tun|signal|refused|rate|count|start|"
	                "unprivileged ...\n");
	return 2;
}
