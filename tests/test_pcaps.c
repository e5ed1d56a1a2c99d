/* test_pcaps.c: every capture of pcaps/LIST decodes to what stands beside it. (What is reported from it: tests/cli/pcaps.sh.)
 *
 *     test_pcaps              compares, printing the first difference
 *     test_pcaps golden       rewrites the .expected files instead; pcaps/judge and git diff say whether that was right
 *
 * The folder is $NSCAN_SOURCE/pcaps, or ./pcaps. */
#include <dirent.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "nscan/decode.h"
#include "nscan/wire.h"

enum { MAX_CAPTURES = 128, NAME_BYTES = 64, PATH_BYTES = 4096, DATA_SHOWN = 12, MAX_FILE_BYTES = 20000 };

/* The names in pcaps/LIST. Of those behind `decoded` only the report is tested: libpcap does not read them to their end. */
struct captures {
	char names[MAX_CAPTURES][NAME_BYTES];
	size_t count;
	size_t decoded;
};

static const char *const kind_names[] = {
        [REPLY_ECHO_REQUEST] = "echo-request",
        [REPLY_ECHO] = "echo-reply",
        [REPLY_TIMESTAMP] = "timestamp-reply",
        [REPLY_TIMESTAMP_REQUEST] = "timestamp-request",
        [REPLY_NEIGHBOUR] = "neighbour",
        [REPLY_UDP] = "udp",
        [REPLY_ICMP_ERROR] = "icmp-error",
        [REPLY_FRAGMENT] = "fragment",
        [REPLY_OTHER] = "other",
};

static const char *const meaning_names[] = {
        [ICMP_MEANS_NOTHING] = "nothing", [ICMP_MEANS_PORT_CLOSED] = "closed",    [ICMP_MEANS_FILTERED] = "filtered",
        [ICMP_MEANS_TOO_BIG] = "too-big", [ICMP_MEANS_REASSEMBLY] = "reassembly",
};

static void path_of(char out[PATH_BYTES], const char *name, const char *suffix)
{
	const char *source = getenv("NSCAN_SOURCE");

	snprintf(out, PATH_BYTES, "%s/pcaps/%s%s", source ? source : ".", name, suffix);
}

static FILE *open_file(const char *name, const char *suffix, const char *mode)
{
	char path[PATH_BYTES];
	FILE *file;

	path_of(path, name, suffix);
	file = fopen(path, mode);
	if (!file)
		fail_msg("%s: cannot be opened; run from the repository's root or set NSCAN_SOURCE", path);
	return file;
}

/* LIST: a name, white space, its kind, what it is for; '#' starts a comment. Reads the names of one sort. */
static void read_names(FILE *file, bool decoded, struct captures *out)
{
	char line[512], name[NAME_BYTES], kind[16];

	rewind(file);
	while (out->count < MAX_CAPTURES && fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || sscanf(line, "%63s %15s", name, kind) != 2 ||
		    (strcmp(kind, "report") != 0) != decoded)
			continue;
		snprintf(out->names[out->count++], NAME_BYTES, "%s", name);
	}
}

static bool read_list(struct captures *out)
{
	char path[PATH_BYTES];
	FILE *file;

	path_of(path, "LIST", "");
	file = fopen(path, "r");
	if (!file)
		return false;
	read_names(file, true, out);
	out->decoded = out->count;
	read_names(file, false, out);
	fclose(file);
	return out->decoded > 0;
}

static void write_endpoints(FILE *out, const struct addr *src, const struct addr *dst)
{
	char from[ADDR_TEXT_BYTES], to[ADDR_TEXT_BYTES];

	fprintf(out, " %s > %s", addr_format(src, from), addr_format(dst, to));
}

static void write_data(FILE *out, const struct reply *reply)
{
	fprintf(out, " data=%zu", reply->data_bytes);
	for (size_t i = 0; i < reply->data_bytes && i < DATA_SHOWN; i++)
		fprintf(out, "%s%02x", i ? "" : ":", reply->data[i]);
}

static void write_quote(FILE *out, const struct quote *quote)
{
	fprintf(out, " | quote");
	write_endpoints(out, &quote->src, &quote->dst);
	fprintf(out, " proto=%u ttl=%u tos=0x%02x id=0x%04x total=%u bytes=%u", quote->protocol, quote->ttl, quote->tos,
	        quote->ip_id, quote->ip_total_bytes, quote->bytes);
	if (quote->dont_fragment)
		fprintf(out, " df");
	if (quote->more_fragments || quote->fragment_offset)
		fprintf(out, " offset=%u%s", quote->fragment_offset, quote->more_fragments ? "+" : "");
	if (quote->has_ports)
		fprintf(out, " ports=%u>%u", quote->src_port, quote->dst_port);
	if (quote->has_udp_checksum)
		fprintf(out, " length=%u checksum=0x%04x", quote->udp_bytes, quote->udp_checksum);
	if (quote->has_icmp_id)
		fprintf(out, " type=%u icmp-id=0x%04x sequence=%u", quote->icmp_type, quote->icmp_id,
		        quote->icmp_sequence);
}

static void write_error(FILE *out, const struct reply *reply)
{
	const struct icmp_row *row = icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code);

	assert_non_null(row);
	fprintf(out, " %u/%u %s means=%s", reply->icmp_type, reply->icmp_code, row->name, meaning_names[row->meaning]);
	if (row->host_gone)
		fprintf(out, " host-gone");
	if (row->meaning == ICMP_MEANS_TOO_BIG)
		fprintf(out, " mtu=%u", reply->next_hop_mtu);
	write_quote(out, &reply->quote);
}

/* What follows the addresses of an IP packet. */
static void write_ip(FILE *out, const struct reply *reply)
{
	fprintf(out, " ttl=%u tos=0x%02x id=0x%04x total=%u", reply->ttl, reply->tos, reply->ip_id,
	        reply->ip_total_bytes);
	if (reply->dont_fragment)
		fprintf(out, " df");
	if (reply->truncated)
		fprintf(out, " truncated");
	if (reply->checksum_bad)
		fprintf(out, " checksum-bad");
	switch (reply->kind) {
	case REPLY_UDP:
		fprintf(out, " ports=%u>%u checksum=0x%04x", reply->src_port, reply->dst_port, reply->udp_checksum);
		write_data(out, reply);
		break;
	case REPLY_ECHO_REQUEST:
	case REPLY_ECHO:
	case REPLY_TIMESTAMP:
	case REPLY_TIMESTAMP_REQUEST:
		fprintf(out, " icmp-id=0x%04x sequence=%u", reply->icmp_id, reply->icmp_sequence);
		write_data(out, reply);
		break;
	case REPLY_ICMP_ERROR:
		write_error(out, reply);
		break;
	default:
		break;
	}
}

/* One line for one frame: "-" when it is refused. */
static void write_frame(FILE *out, unsigned number, bool good, const struct reply *reply)
{
	char mac[MAC_TEXT_BYTES];

	fprintf(out, "%u ", number);
	if (!good) {
		fprintf(out, "-\n");
		return;
	}
	if (reply->kind == REPLY_ARP)
		fprintf(out, "%s", reply->arp_is_reply ? "arp-reply" : "arp-request");
	else
		fprintf(out, "%s", kind_names[reply->kind]);
	write_endpoints(out, &reply->src, &reply->dst);
	if (reply->has_mac)
		fprintf(out, " mac=%s", mac_format(reply->mac, mac));
	if (reply->kind != REPLY_ARP)
		write_ip(out, reply);
	fprintf(out, "\n");
}

/* A frame in memory of exactly its size, so that the sanitizer sees a read past its end. */
static uint8_t *exact_copy(const uint8_t *frame, size_t bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, frame, bytes);
	return copy;
}

static pcap_t *open_capture(const char *name, enum frame_link *link)
{
	char path[PATH_BYTES], why[PCAP_ERRBUF_SIZE];
	pcap_t *capture;

	path_of(path, name, ".pcap");
	capture = pcap_open_offline(path, why);
	if (!capture)
		fail_msg("%s", why);
	assert_true(frame_link_known((unsigned)pcap_datalink(capture)));
	*link = (enum frame_link)pcap_datalink(capture);
	return capture;
}

/* Writes the decoding of a capture; returns how many frames it has. */
static unsigned decode_capture(const char *name, FILE *out)
{
	enum frame_link link;
	pcap_t *capture = open_capture(name, &link);
	struct pcap_pkthdr *header;
	const u_char *frame;
	unsigned count = 0;
	int got;

	while ((got = pcap_next_ex(capture, &header, &frame)) == 1) {
		struct reply reply;
		uint8_t *copy = exact_copy(frame, header->caplen);
		bool good = decode_frame(link, copy, header->caplen, &reply);

		write_frame(out, ++count, good, &reply);
		free(copy);
	}
	if (got != PCAP_ERROR_BREAK)
		fail_msg("%s: %s", name, pcap_geterr(capture));
	pcap_close(capture);
	return count;
}

static void decodes_as_expected(void **state)
{
	const char *name = *state;
	char *seen = NULL, *line = NULL, *at, *rest = NULL;
	size_t seen_bytes = 0, room = 0;
	FILE *expected = open_file(name, ".expected", "r");
	FILE *out = open_memstream(&seen, &seen_bytes);
	unsigned frames;

	assert_non_null(out);
	frames = decode_capture(name, out);
	assert_int_equal(fclose(out), 0);
	assert_true(frames > 0);
	for (at = strtok_r(seen, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
		if (getline(&line, &room, expected) < 0)
			fail_msg("%s.expected ends before\n  decoded:  %s", name, at);
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, at) != 0)
			fail_msg("%s\n  expected: %s\n  decoded:  %s", name, line, at);
	}
	if (getline(&line, &room, expected) >= 0)
		fail_msg("%s.expected goes on with: %s", name, line);
	free(line);
	free(seen);
	fclose(expected);
}

static bool within(const uint8_t *at, size_t bytes, const uint8_t *frame, size_t frame_bytes)
{
	return !bytes || (at >= frame && bytes <= frame_bytes && (size_t)(at - frame) <= frame_bytes - bytes);
}

/* However short a snap length cuts a frame: nothing is read past the end (the sanitizer looks), and what is accepted still says
 * the same of who sent it, or says no more than that (REPLY_OTHER: cut inside an IPv6 extension header). */
static void cut_anywhere(enum frame_link link, const uint8_t *frame, size_t bytes)
{
	struct reply whole, cut;
	bool good = decode_frame(link, frame, bytes, &whole);

	for (size_t n = 0; n < bytes; n++) {
		uint8_t *copy = exact_copy(frame, n);

		if (decode_frame(link, copy, n, &cut)) {
			assert_true(within(cut.data, cut.data_bytes, copy, n));
			assert_true(cut.quote.bytes <= n);
			assert_true(!good || cut.kind == whole.kind || cut.kind == REPLY_OTHER);
			assert_true(!good || addr_equal(&cut.src, &whole.src));
		} else {
			assert_int_equal(cut.kind, REPLY_NONE);
		}
		free(copy);
	}
}

static void any_frame_may_be_cut(void **state)
{
	const struct captures *captures = *state;

	for (size_t i = 0; i < captures->decoded; i++) {
		enum frame_link link;
		pcap_t *capture = open_capture(captures->names[i], &link);
		struct pcap_pkthdr *header;
		const u_char *frame;

		while (pcap_next_ex(capture, &header, &frame) == 1)
			cut_anywhere(link, frame, header->caplen);
		pcap_close(capture);
	}
}

static bool is_listed(const struct captures *captures, const char *file, size_t name_bytes)
{
	for (size_t i = 0; i < captures->count; i++)
		if (strlen(captures->names[i]) == name_bytes && !strncmp(captures->names[i], file, name_bytes))
			return true;
	return false;
}

/* A capture that LIST does not name would be tested by nobody. */
static void list_names_every_capture(void **state)
{
	const struct captures *captures = *state;
	char path[PATH_BYTES];
	struct dirent *entry;
	DIR *folder;
	size_t found = 0;

	path_of(path, "", "");
	folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || (strcmp(dot, ".pcap") != 0 && strcmp(dot, ".expected") != 0 && strcmp(dot, ".json") != 0))
			continue;
		if (!is_listed(captures, entry->d_name, (size_t)(dot - entry->d_name)))
			fail_msg("pcaps/%s is not in pcaps/LIST", entry->d_name);
		found += strcmp(dot, ".pcap") == 0;
	}
	closedir(folder);
	assert_int_equal(found, captures->count);
}

static void captures_are_small(void **state)
{
	const struct captures *captures = *state;

	for (size_t i = 0; i < captures->count; i++) {
		char path[PATH_BYTES];
		struct stat about;

		path_of(path, captures->names[i], ".pcap");
		assert_int_equal(stat(path, &about), 0);
		if (about.st_size >= MAX_FILE_BYTES)
			fail_msg("%s: %lld bytes; keep it below %d", path, (long long)about.st_size, MAX_FILE_BYTES);
	}
}

static int rewrite_expected(const struct captures *captures)
{
	for (size_t i = 0; i < captures->decoded; i++) {
		FILE *out = open_file(captures->names[i], ".expected", "w");
		unsigned frames = decode_capture(captures->names[i], out);

		if (fclose(out) != 0) {
			perror(captures->names[i]);
			return 1;
		}
		printf("%-20s %u frames\n", captures->names[i], frames);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct captures captures;
	/* One test for each capture; cmocka passes over those without a name. */
	struct CMUnitTest tests[MAX_CAPTURES + 3] = {
	        cmocka_unit_test_prestate(list_names_every_capture, &captures),
	        cmocka_unit_test_prestate(captures_are_small, &captures),
	        cmocka_unit_test_prestate(any_frame_may_be_cut, &captures),
	};

	if (!read_list(&captures)) {
		fprintf(stderr, "pcaps/LIST is not here: run from the repository's root or set NSCAN_SOURCE\n");
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "golden") == 0)
		return rewrite_expected(&captures);
	for (size_t i = 0; i < captures.decoded; i++)
		tests[i + 3] = (struct CMUnitTest){.name = captures.names[i],
		                                   .test_func = decodes_as_expected,
		                                   .initial_state = captures.names[i]};
	return cmocka_run_group_tests_name("pcaps", tests, NULL, NULL);
}
