/* test_filter.c: the hand-made filter says of every packet what libpcap's compiler, given the same in words, says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/link/internal.h"
#include "nscan/bytes.h"
#include "nscan/hash.h"

enum { PACKET_BYTES = 128, PACKETS = 4000 };

static const uint16_t held[] = {1024, 5353, 33333, 40000, 65535};
enum { HELD = sizeof(held) / sizeof(held[0]) };

static const struct {
	enum filter_shape shape;
	int dlt;
	size_t header_bytes;
} shapes[] = {
        {FILTER_ETHERNET, DLT_EN10MB, 14},
        {FILTER_RAW_IP, DLT_RAW, 0},
        {FILTER_COOKED, DLT_LINUX_SLL, 16},
};

static struct bpf_program program_of(const struct filter *filter)
{
	struct bpf_program program = {.bf_len = (unsigned)filter->count};

	program.bf_insns = calloc(filter->count, sizeof(struct bpf_insn));
	assert_non_null(program.bf_insns);
	for (size_t i = 0; i < filter->count; i++)
		program.bf_insns[i] = (struct bpf_insn){.code = filter->code[i].code,
		                                        .jt = filter->code[i].jt,
		                                        .jf = filter->code[i].jf,
		                                        .k = filter->code[i].k};
	return program;
}

static struct bpf_program compile_in_words(int dlt)
{
	char text[2000] = "icmp or icmp6 or arp or ip[6:2]&0x3fff != 0 or (ip6 and ip6[6] = 44)";
	struct bpf_program program;
	pcap_t *pcap = pcap_open_dead(dlt, 2048);

	assert_non_null(pcap);
	for (size_t i = 0; i < HELD; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " or udp dst port %u", held[i]);
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		fail_msg("%s", pcap_geterr(pcap));
	pcap_close(pcap);
	return program;
}

static bool passes(const struct bpf_program *program, const uint8_t *packet, size_t n)
{
	struct pcap_pkthdr header = {.caplen = (unsigned)n, .len = (unsigned)n};

	return pcap_offline_filter(program, &header, packet) != 0;
}

/* Packets in which each thing that the filter looks at is often as it wants it. */
static void make_packet(struct rng *rng, int dlt, size_t header_bytes, uint8_t packet[PACKET_BYTES])
{
	static const uint16_t ethertypes[] = {0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x8100, 0x88cc};
	static const uint8_t protocols[] = {17, 17, 17, 17, 1, 58, 44, 6, 0};
	static const uint16_t fragments[] = {0, 0, 0, 0x4000, 0x4000, 0x2000, 0x0001, 0x8000};
	uint16_t ethertype = ethertypes[rng_below(rng, 8)];
	uint8_t *ip = packet + header_bytes, *udp;
	unsigned ihl = rng_below(rng, 4) ? 5 : 5 + rng_below(rng, 11);

	for (size_t i = 0; i < PACKET_BYTES; i++)
		packet[i] = (uint8_t)rng_next(rng);
	if (dlt == DLT_EN10MB)
		put_u16(packet + 12, ethertype);
	if (dlt == DLT_LINUX_SLL)
		put_u16(packet + 14, ethertype);
	if (ethertype == 0x86dd) {
		ip[0] = 0x60;
		ip[6] = protocols[rng_below(rng, 9)];
		udp = ip + 40;
	} else {
		ip[0] = (uint8_t)(0x40 | ihl);
		put_u16(ip + 6, fragments[rng_below(rng, 8)]);
		ip[9] = protocols[rng_below(rng, 9)];
		udp = ip + 4 * ihl;
	}
	if (rng_below(rng, 2))
		put_u16(udp + 2, held[rng_below(rng, HELD)]);
	if (rng_below(rng, 4) == 0)
		put_u16(udp, held[rng_below(rng, HELD)]); /* the source port does not count */
}

static void agrees_with_libpcap(void **state)
{
	struct rng rng = rng_from_seed(7);

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct bpf_program words = compile_in_words(shapes[s].dlt), own;
		struct filter *filter = malloc(sizeof(*filter));
		int passed = 0;

		assert_non_null(filter);
		filter_make(filter, shapes[s].shape, held, HELD);
		own = program_of(filter);
		for (int i = 0; i < PACKETS; i++) {
			uint8_t packet[PACKET_BYTES];

			make_packet(&rng, shapes[s].dlt, shapes[s].header_bytes, packet);
			if (passes(&own, packet, sizeof(packet)) != passes(&words, packet, sizeof(packet)))
				fail_msg("shape %zu, packet %d: the filters differ", s, i);
			passed += passes(&own, packet, sizeof(packet));
		}
		/* Both verdicts have to be common, or the comparison says little. */
		assert_in_range(passed, PACKETS / 4, PACKETS * 3 / 4);
		pcap_freecode(&words);
		free(own.bf_insns);
		free(filter);
	}
}

static bool udp_passes(const struct filter *filter, uint16_t port)
{
	uint8_t packet[60] = {[12] = 8, [14] = 0x45, [23] = 17};
	struct bpf_program program = program_of(filter);
	bool verdict;

	put_u16(packet + 36, port);
	verdict = passes(&program, packet, sizeof(packet));
	free(program.bf_insns);
	return verdict;
}

static void any_number_of_ports(void **state)
{
	static const size_t counts[] = {0, 1, 64, 255, 256, FILTER_MAX_PORTS, FILTER_MAX_PORTS + 1};
	uint16_t ports[FILTER_MAX_PORTS + 1];
	struct filter *filter = malloc(sizeof(*filter));

	(void)state;
	assert_non_null(filter);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		ports[i] = (uint16_t)(2000 + 7 * i);
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		bool all = counts[c] > FILTER_MAX_PORTS;

		filter_make(filter, FILTER_ETHERNET, ports, counts[c]);
		assert_true(filter->count <= FILTER_MAX);
		for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
			assert_int_equal(udp_passes(filter, ports[i]), all || i < counts[c]);
		assert_int_equal(udp_passes(filter, 2001), all);
	}
	free(filter);
}

/* A packet that ends before what the filter asks for is refused, never read past its end. */
static void truncated_packets(void **state)
{
	struct filter *filter = malloc(sizeof(*filter));
	uint8_t packet[60] = {[12] = 8, [14] = 0x45, [23] = 17};
	struct bpf_program program;

	(void)state;
	assert_non_null(filter);
	filter_make(filter, FILTER_ETHERNET, held, HELD);
	program = program_of(filter);
	put_u16(packet + 36, held[2]);
	for (size_t n = 0; n <= sizeof(packet); n++) {
		uint8_t *exact = malloc(n + 1);

		assert_non_null(exact);
		memcpy(exact, packet, n);
		assert_int_equal(passes(&program, exact, n), n >= 38);
		free(exact);
	}
	free(program.bf_insns);
	free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(agrees_with_libpcap),
	        cmocka_unit_test(any_number_of_ports),
	        cmocka_unit_test(truncated_packets),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
