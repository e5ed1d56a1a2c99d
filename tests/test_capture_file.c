/* test_capture_file.c: the reader of capture files: both formats, every byte order and resolution, cut and lying files, pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nscan/capture_file.h"

/* A file in the making, in the byte order chosen. */
struct making {
	uint8_t bytes[4096];
	size_t n;
	bool big_endian;
};

static void add(struct making *m, const void *bytes, size_t n)
{
	assert_true(m->n + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void add_number(struct making *m, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		size_t place = m->big_endian ? bytes - 1 - i : i;
		uint8_t byte = place < 8 ? (uint8_t)(value >> 8 * place) : 0;

		add(m, &byte, 1);
	}
}

static void pad(struct making *m)
{
	while (m->n % 4 != 0)
		add_number(m, 0, 1);
}

static void pcap_header(struct making *m, uint32_t magic, uint32_t link_type)
{
	add_number(m, magic, 4);
	add_number(m, 2, 2);
	add_number(m, 4, 2);
	add_number(m, 0, 8);
	add_number(m, 65535, 4);
	add_number(m, link_type, 4);
}

static void pcap_packet(struct making *m, uint32_t s, uint32_t fraction, const char *bytes, uint32_t wire_bytes)
{
	add_number(m, s, 4);
	add_number(m, fraction, 4);
	add_number(m, strlen(bytes), 4);
	add_number(m, wire_bytes, 4);
	add(m, bytes, strlen(bytes));
}

/* Begins a block and returns where it began; block_end writes both lengths. */
static size_t block(struct making *m, uint32_t type)
{
	size_t start = m->n;

	add_number(m, type, 4);
	add_number(m, 0, 4);
	return start;
}

static void block_end(struct making *m, size_t start)
{
	size_t end;

	pad(m);
	add_number(m, m->n + 4 - start, 4);
	end = m->n;
	m->n = start + 4;
	add_number(m, end - start, 4);
	m->n = end;
}

static void option(struct making *m, uint16_t code, const void *bytes, size_t n)
{
	add_number(m, code, 2);
	add_number(m, n, 2);
	add(m, bytes, n);
	pad(m);
}

static void option_number(struct making *m, uint16_t code, uint64_t value, size_t bytes)
{
	add_number(m, code, 2);
	add_number(m, bytes, 2);
	add_number(m, value, bytes);
	pad(m);
}

static void section(struct making *m, const char *comment)
{
	size_t start = block(m, 0x0a0d0d0a);

	add_number(m, 0x1a2b3c4d, 4);
	add_number(m, 1, 2);
	add_number(m, 0, 2);
	add_number(m, UINT64_MAX, 8);
	if (comment) {
		option(m, 4, "maker", 5);
		option(m, 1, comment, strlen(comment));
		option(m, 1, "second", 6);
		option(m, 0, "", 0);
	}
	block_end(m, start);
}

/* An interface; resolution -1: not said. */
static void interface(struct making *m, uint16_t link_type, int resolution, int64_t offset_s)
{
	size_t start = block(m, 1);

	add_number(m, link_type, 2);
	add_number(m, 0, 2);
	add_number(m, 0, 4);
	option(m, 2, "eth0", 4);
	if (resolution >= 0)
		option_number(m, 9, (uint64_t)resolution, 1);
	if (offset_s != 0)
		option_number(m, 14, (uint64_t)offset_s, 8);
	block_end(m, start);
}

static void packet(struct making *m, uint32_t number, uint64_t ticks, const char *bytes, uint32_t flags,
                   const char *comment)
{
	size_t start = block(m, 6);

	add_number(m, number, 4);
	add_number(m, ticks >> 32, 4);
	add_number(m, ticks & UINT32_MAX, 4);
	add_number(m, strlen(bytes), 4);
	add_number(m, strlen(bytes) + 2, 4);
	add(m, bytes, strlen(bytes));
	pad(m);
	if (flags != 0)
		option_number(m, 2, flags, 4);
	if (comment)
		option(m, 1, comment, strlen(comment));
	block_end(m, start);
}

static struct capture_file *open_making(const struct making *m)
{
	struct err err;
	struct capture_file *file = capture_file_open_bytes("made", m->bytes, m->n, &err);

	if (!file)
		fail_msg("%s", err.text);
	return file;
}

static void assert_packet(struct capture_file *file, const char *bytes, int64_t at_ns, int link_type)
{
	struct captured_packet p;
	struct err err = {0};

	assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
	assert_int_equal(p.captured, strlen(bytes));
	assert_memory_equal(p.bytes, bytes, p.captured);
	assert_int_equal(p.at_ns, at_ns);
	assert_int_equal(p.link_type, link_type);
	assert_true(p.has_time);
}

static void assert_ends(struct capture_file *file, enum capture_found how, const char *text)
{
	struct captured_packet p;
	struct err err = {0};

	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(capture_file_next(file, &p, &err), how);
		if (text && !strstr(err.text, text))
			fail_msg("'%s' is not in '%s'", text, err.text);
	}
	capture_file_close(file);
}

static void pcap_in_both_byte_orders_and_units(void **state)
{
	(void)state;
	for (int way = 0; way < 4; way++) {
		struct making m = {.big_endian = way & 1};
		bool nano = way & 2;
		struct captured_packet p;
		struct capture_file *file;
		struct err err;

		pcap_header(&m, nano ? 0xa1b23c4d : 0xa1b2c3d4, 101);
		pcap_packet(&m, 1700000000, 123456, "first", 60);
		pcap_packet(&m, 4000000000U, 7, "", 0);
		file = open_making(&m);
		assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
		assert_int_equal(p.at_ns, INT64_C(1700000000) * 1000000000 + (nano ? 123456 : 123456000));
		assert_int_equal(p.captured, 5);
		assert_int_equal(p.wire_bytes, 60);
		assert_int_equal(p.link_type, 12); /* LINKTYPE_RAW as DLT_RAW */
		assert_int_equal(p.direction, CAPTURE_ANY_WAY);
		assert_packet(file, "", INT64_C(4000000000) * 1000000000 + (nano ? 7 : 7000), 12);
		assert_ends(file, CAPTURE_END, NULL);
	}
}

static void pcap_frame_check_bits_are_no_link_type(void **state)
{
	struct making m = {0};

	(void)state;
	pcap_header(&m, 0xa1b2c3d4, 0x54000001);
	pcap_packet(&m, 1, 0, "x", 1);
	{
		struct capture_file *file = open_making(&m);

		assert_packet(file, "x", 1000000000, 1);
		assert_ends(file, CAPTURE_END, NULL);
	}
}

static void pcap_cut_anywhere_gives_what_is_there(void **state)
{
	struct making m = {0};
	size_t header;

	(void)state;
	pcap_header(&m, 0xa1b2c3d4, 1);
	header = m.n;
	pcap_packet(&m, 1, 0, "whole", 5);
	pcap_packet(&m, 2, 0, "cut", 3);
	for (size_t n = 0; n < header; n++) {
		struct err err;

		assert_null(capture_file_open_bytes("made", m.bytes, n, &err));
		assert_true(err.code == ERR_SYSTEM && strncmp(err.text, "made: ", 6) == 0);
	}
	for (size_t n = header + 22; n < m.n; n++) {
		struct making cut = m;
		struct capture_file *file;

		cut.n = n;
		file = open_making(&cut);
		assert_packet(file, "whole", 1000000000, 1);
		assert_ends(file, CAPTURE_CUT, "made: ends in the middle of a packet (after 45 bytes, 1 packets)");
	}
}

static void pcap_length_that_cannot_be(void **state)
{
	struct making m = {0};
	struct capture_file *file;

	(void)state;
	pcap_header(&m, 0xa1b2c3d4, 1);
	pcap_packet(&m, 1, 0, "fine", 4);
	add_number(&m, 0, 8);
	add_number(&m, 0xfffffff0, 4);
	add_number(&m, 60, 4);
	file = open_making(&m);
	assert_packet(file, "fine", 1000000000, 1);
	assert_ends(file, CAPTURE_BROKEN, "packet 2 cannot be 4294967280 bytes long");
}

static void pcapng_sections_interfaces_and_comments(void **state)
{
	struct making m = {0};
	struct captured_packet p;
	struct capture_file *file;
	struct capture_file_counters counters;
	struct err err;
	size_t n, start;

	(void)state;
	section(&m, "the first comment");
	interface(&m, 1, -1, 0);
	interface(&m, 101, 9, 0);
	packet(&m, 0, 5, "ether", 2, "about this one");
	start = block(&m, 0x80001234); /* nobody's */
	add(&m, "whatever", 8);
	block_end(&m, start);
	packet(&m, 1, 5, "raw", 1, NULL);
	start = block(&m, 5);
	add_number(&m, 1, 4);
	add_number(&m, 0, 8);
	option_number(&m, 5, 17, 8);
	block_end(&m, start);
	m.big_endian = true;
	section(&m, NULL);
	interface(&m, 113, 3, 100);
	packet(&m, 0, 1, "cooked", 0, NULL);
	file = open_making(&m);
	assert_string_equal(capture_file_name(file), "made");
	assert_memory_equal(capture_file_comment(file, 0, &n), "the first comment", 17);
	assert_int_equal(n, 17);
	assert_memory_equal(capture_file_comment(file, 1, &n), "second", 6);
	assert_null(capture_file_comment(file, 2, &n));
	assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
	assert_int_equal(p.direction, CAPTURE_OUTBOUND);
	assert_int_equal(p.comment_bytes, 14);
	assert_memory_equal(p.comment, "about this one", 14);
	assert_int_equal(p.at_ns, 5000);
	assert_int_equal(p.wire_bytes, 7);
	assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
	assert_int_equal(p.direction, CAPTURE_INBOUND);
	assert_null(p.comment);
	assert_int_equal(p.interface, 1);
	assert_int_equal(p.at_ns, 5);
	assert_string_equal(capture_file_interface(file, 1), "eth0");
	assert_packet(file, "cooked", INT64_C(100001000000), 113);
	assert_string_equal(capture_file_interface(file, 0), "eth0");
	assert_string_equal(capture_file_interface(file, 1), "");
	capture_file_counters(file, &counters);
	assert_int_equal(counters.packets, 3);
	assert_int_equal(counters.sections, 2);
	assert_int_equal(counters.dropped, 17);
	assert_int_equal(counters.bytes, m.n);
	assert_ends(file, CAPTURE_END, NULL);
}

static void pcapng_resolutions(void **state)
{
	static const struct {
		int resolution;
		uint64_t ticks;
		int64_t offset_s;
		int64_t ns;
	} rows[] = {
	        {0, 3, 0, INT64_C(3000000000)},
	        {6, 1500000, 0, INT64_C(1500000000)},
	        {9, 1700000000123456789, 0, INT64_C(1700000000123456789)},
	        {12, 1234567, 0, 1234},
	        {127, UINT64_MAX, 0, 0},
	        {0x80, 2, 0, INT64_C(2000000000)},
	        {0x80 | 10, 1536, 0, INT64_C(1500000000)},
	        {0x80 | 32, UINT64_C(3) << 31, 0, INT64_C(1500000000)},
	        {0x80 | 63, UINT64_C(1) << 62, 0, INT64_C(500000000)},
	        {0x80 | 64, UINT64_C(1) << 63, 0, INT64_C(500000000)},
	        {0x80 | 127, UINT64_MAX, 0, 0},
	        {6, 0, -3600, INT64_C(-3600000000000)},
	        {0, UINT64_MAX, 0, CAPTURE_MOST_NS},
	        {0, 0, INT64_MIN, -CAPTURE_MOST_NS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct making m = {0};
		struct capture_file *file;

		section(&m, NULL);
		interface(&m, 1, rows[i].resolution, rows[i].offset_s);
		packet(&m, 0, rows[i].ticks, "p", 0, NULL);
		file = open_making(&m);
		assert_packet(file, "p", rows[i].ns, 1);
		assert_ends(file, CAPTURE_END, NULL);
	}
}

static void pcapng_simple_and_old_packets(void **state)
{
	struct making m = {0};
	struct captured_packet p;
	struct capture_file *file;
	struct err err;
	size_t start;

	(void)state;
	section(&m, NULL);
	interface(&m, 1, -1, 0);
	start = block(&m, 3);
	add_number(&m, 100, 4); /* 100 bytes long, of which 8 are here */
	add(&m, "simple..", 8);
	block_end(&m, start);
	start = block(&m, 2);
	add_number(&m, 0, 2);
	add_number(&m, 0xffff, 2);
	add_number(&m, 0, 4);
	add_number(&m, 7, 4);
	add_number(&m, 3, 4);
	add_number(&m, 3, 4);
	add(&m, "old", 3);
	block_end(&m, start);
	file = open_making(&m);
	assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
	assert_false(p.has_time);
	assert_int_equal(p.captured, 8);
	assert_int_equal(p.wire_bytes, 100);
	assert_packet(file, "old", 7000, 1);
	assert_ends(file, CAPTURE_END, NULL);
}

static void pcapng_that_lies(void **state)
{
	static const char *const says[] = {"not described", "longer than its block", "cannot be", "two lengths differ",
	                                   "too short"};

	(void)state;
	for (size_t lie = 0; lie < sizeof(says) / sizeof(*says); lie++) {
		struct making m = {0};
		struct capture_file *file;
		size_t start;

		section(&m, NULL);
		interface(&m, 1, -1, 0);
		packet(&m, 0, 1, "good", 0, NULL);
		start = m.n;
		packet(&m, lie == 0 ? 1 : 0, 1, "bad", 0, NULL);
		if (lie == 1)
			m.bytes[start + 20] = 40;
		if (lie == 2)
			m.bytes[start + 4] = 3;
		if (lie == 3)
			m.bytes[m.n - 4] ^= 4;
		if (lie == 4) {
			m.n = start;
			start = block(&m, 6);
			add_number(&m, 0, 8);
			block_end(&m, start);
		}
		file = open_making(&m);
		assert_packet(file, "good", 1000, 1);
		assert_ends(file, CAPTURE_BROKEN, says[lie]);
	}
}

static void options_that_lie_end_the_options_only(void **state)
{
	struct making m = {0};
	struct captured_packet p;
	struct capture_file *file;
	struct err err;
	size_t start;

	(void)state;
	section(&m, NULL);
	interface(&m, 1, -1, 0);
	start = block(&m, 6);
	add_number(&m, 0, 12);
	add_number(&m, 4, 4);
	add_number(&m, 4, 4);
	add(&m, "data", 4);
	add_number(&m, 1, 2);
	add_number(&m, 60000, 2);
	block_end(&m, start);
	file = open_making(&m);
	assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
	assert_null(p.comment);
	assert_ends(file, CAPTURE_END, NULL);
}

static void other_blocks_on_demand(void **state)
{
	struct making m = {0};
	struct captured_packet p;
	struct capture_file *file;
	struct err err;
	size_t start;

	(void)state;
	section(&m, NULL);
	start = block(&m, 0x8e5ca001);
	add(&m, "own", 4);
	block_end(&m, start);
	file = open_making(&m);
	capture_file_want_blocks(file, true);
	assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_BLOCK);
	assert_int_equal(capture_file_block(file)->type, 0x8e5ca001);
	assert_int_equal(capture_file_block(file)->body_bytes, 4);
	assert_memory_equal(capture_file_block(file)->body, "own", 4);
	assert_ends(file, CAPTURE_END, NULL);
}

static void strangers_are_told_what_they_are(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *says;
	} rows[] = {
	        {"", 0, "is empty"},
	        {"x", 1, "is not a capture"},
	        {"hello, world", 12, "is not a capture"},
	        {"\x1f\x8b\x08\x00", 4, "zcat"},
	        {"\x28\xb5\x2f\xfd....", 8, "zstd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err;

		assert_null(capture_file_open_bytes("made", (const uint8_t *)rows[i].bytes, rows[i].n, &err));
		assert_non_null(strstr(err.text, rows[i].says));
		assert_null(capture_file_open_bytes("made", (const uint8_t *)rows[i].bytes, rows[i].n, NULL));
	}
	assert_null(capture_file_open("/nonexistent/file", NULL));
	{
		struct err err;

		assert_null(capture_file_open("/nonexistent/file", &err));
		assert_non_null(strstr(err.text, "No such file"));
		assert_null(capture_file_open("/", &err));
		assert_non_null(strstr(err.text, "directory"));
	}
}

/* Through a pipe, a byte at a time: every packet is there as soon as its last byte is. */
static void a_pipe_is_followed(struct making *m, size_t head, const size_t *ends, size_t count)
{
	char path[32];
	struct capture_file *file;
	struct err err;
	int fds[2];
	size_t given = 0;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], m->bytes, head), head);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	file = capture_file_open(path, &err);
	assert_non_null(file);
	for (size_t at = head; at < m->n; at++) {
		struct captured_packet p;

		assert_false(capture_file_ready(file));
		assert_int_equal(write(fds[1], m->bytes + at, 1), 1);
		if (given < count && at + 1 == ends[given]) {
			assert_true(capture_file_ready(file));
			assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
			given++;
		}
	}
	assert_int_equal(given, count);
	assert_true(capture_file_wait(file, 0, NULL));
	close(fds[1]);
	assert_ends(file, CAPTURE_END, NULL);
	close(fds[0]);
}

static void pipes_are_followed(void **state)
{
	struct making m = {0};
	size_t ends[2], head, start;

	(void)state;
	pcap_header(&m, 0xa1b2c3d4, 1);
	head = m.n;
	pcap_packet(&m, 1, 0, "one", 3);
	ends[0] = m.n;
	pcap_packet(&m, 2, 0, "two", 3);
	ends[1] = m.n;
	a_pipe_is_followed(&m, head, ends, 2);

	m = (struct making){0};
	section(&m, NULL);
	head = m.n;
	interface(&m, 1, -1, 0);
	packet(&m, 0, 1, "one", 0, NULL);
	ends[0] = m.n;
	start = block(&m, 5);
	add_number(&m, 0, 12);
	block_end(&m, start);
	packet(&m, 0, 1, "two", 0, "comment");
	ends[1] = m.n;
	a_pipe_is_followed(&m, head, ends, 2);
}

/* Larger than the buffer: packets lie across its end, and a block longer than it is passed over. */
static void more_than_the_buffer_holds(void **state)
{
	enum { PACKETS = 3000, BYTES = 1000, FOREIGN = 3 << 20 };
	char path[] = "/tmp/nscan-test-capture-XXXXXX";
	struct making m = {0};
	struct captured_packet p;
	struct capture_file *file;
	struct err err;
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w");
	char *bytes = calloc(1, BYTES + 1);
	char *foreign = calloc(1, FOREIGN - 8);

	(void)state;
	assert_non_null(out);
	section(&m, NULL);
	interface(&m, 1, -1, 0);
	fwrite(m.bytes, 1, m.n, out);
	m.n = 0;
	add_number(&m, 0x80000001, 4);
	add_number(&m, FOREIGN, 4);
	fwrite(m.bytes, 1, m.n, out);
	fwrite(foreign, 1, FOREIGN - 8, out);
	for (int i = 0; i < PACKETS; i++) {
		memset(bytes, 'a' + i % 26, (size_t)(BYTES - i % 7));
		bytes[BYTES - i % 7] = '\0';
		m.n = 0;
		packet(&m, 0, (uint64_t)i, bytes, 0, NULL);
		fwrite(m.bytes, 1, m.n, out);
	}
	assert_int_equal(fclose(out), 0);
	file = capture_file_open(path, &err);
	assert_non_null(file);
	for (int i = 0; i < PACKETS; i++) {
		assert_true(capture_file_ready(file));
		assert_int_equal(capture_file_next(file, &p, &err), CAPTURE_PACKET);
		assert_int_equal(p.at_ns, i * 1000);
		assert_int_equal(p.captured, BYTES - i % 7);
		assert_int_equal(p.bytes[p.captured - 1], 'a' + i % 26);
	}
	assert_ends(file, CAPTURE_END, NULL);
	unlink(path);
	free(bytes);
	free(foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(pcap_in_both_byte_orders_and_units),
	        cmocka_unit_test(pcap_frame_check_bits_are_no_link_type),
	        cmocka_unit_test(pcap_cut_anywhere_gives_what_is_there),
	        cmocka_unit_test(pcap_length_that_cannot_be),
	        cmocka_unit_test(pcapng_sections_interfaces_and_comments),
	        cmocka_unit_test(pcapng_resolutions),
	        cmocka_unit_test(pcapng_simple_and_old_packets),
	        cmocka_unit_test(pcapng_that_lies),
	        cmocka_unit_test(options_that_lie_end_the_options_only),
	        cmocka_unit_test(other_blocks_on_demand),
	        cmocka_unit_test(strangers_are_told_what_they_are),
	        cmocka_unit_test(pipes_are_followed),
	        cmocka_unit_test(more_than_the_buffer_holds),
	};

	return cmocka_run_group_tests_name("capture_file", tests, NULL, NULL);
}
