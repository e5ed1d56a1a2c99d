/* sendloop.c: the bare loop that sweeps are measured against: N echo requests through one interface by sendmmsg, nothing else.
 *
 *     sendloop INTERFACE DEST-MAC SOURCE FIRST COUNT [BATCH [bypass]]
 *
 * One frame for each address from FIRST on, counted up; nothing is received. Prints "seconds packets/s". */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST_BATCH = 1024, FRAME_BYTES = 58, AT_IP = 14, AT_ICMP = 34 };

static uint8_t frames[MOST_BATCH][64];
static struct mmsghdr headers[MOST_BATCH];
static struct iovec parts[MOST_BATCH];

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void address_frame(uint8_t *frame, uint32_t destination)
{
	uint32_t to = htonl(destination);

	memcpy(frame + AT_IP + 16, &to, 4);
	put16(frame + AT_IP + 10, 0);
	put16(frame + AT_IP + 10, checksum(frame + AT_IP, 20));
}

static void make_frames(const char *mac, const uint8_t *own, const char *source)
{
	unsigned m[6];
	uint8_t frame[64] = {0};
	struct in_addr from;

	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6 ||
	    inet_aton(source, &from) == 0)
		errx(2, "bad address");
	for (int i = 0; i < 6; i++)
		frame[i] = (uint8_t)m[i];
	memcpy(frame + 6, own, 6);
	put16(frame + 12, ETHERTYPE_IP);
	frame[AT_IP] = 0x45;
	put16(frame + AT_IP + 2, FRAME_BYTES - AT_IP);
	frame[AT_IP + 8] = 64;
	frame[AT_IP + 9] = IPPROTO_ICMP;
	memcpy(frame + AT_IP + 12, &from, 4);
	frame[AT_ICMP] = 8;
	put16(frame + AT_ICMP + 4, 0x4242);
	put16(frame + AT_ICMP + 2, checksum(frame + AT_ICMP, FRAME_BYTES - AT_ICMP));
	for (int i = 0; i < MOST_BATCH; i++) {
		memcpy(frames[i], frame, sizeof(frame));
		parts[i] = (struct iovec){frames[i], FRAME_BYTES};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
}

int main(int argc, char **argv)
{
	struct ifreq request = {0};
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	uint32_t first, count, sent = 0;
	unsigned batch = argc > 6 ? (unsigned)atoi(argv[6]) : 256;
	int on = 1, fd = socket(AF_PACKET, SOCK_RAW, 0);
	double begin, took;

	if (argc < 6 || batch == 0 || batch > MOST_BATCH)
		errx(2, "usage: sendloop INTERFACE DEST-MAC SOURCE FIRST COUNT [BATCH [bypass]]");
	if (fd < 0)
		err(1, "socket");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", argv[1]);
	if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
		err(1, "%s", argv[1]);
	make_frames(argv[2], (const uint8_t *)request.ifr_hwaddr.sa_data, argv[3]);
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		err(1, "bind");
	if (argc > 7 && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0)
		err(1, "PACKET_QDISC_BYPASS");
	first = ntohl(inet_addr(argv[4]));
	count = (uint32_t)strtoul(argv[5], NULL, 10);
	begin = seconds();
	while (sent < count) {
		unsigned n = count - sent < batch ? count - sent : batch;
		unsigned at = 0;

		for (unsigned i = 0; i < n; i++)
			address_frame(frames[i], first + sent + i);
		while (at < n) {
			int done = sendmmsg(fd, headers + at, n - at, 0);

			if (done > 0)
				at += (unsigned)done;
			else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
				err(1, "sendmmsg");
		}
		sent += n;
	}
	took = seconds() - begin;
	printf("%.3f %.0f\n", took, count / took);
	return 0;
}
