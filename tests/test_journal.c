/* test_journal.c: records written and played back: the same things in the same order at the same times; cut, full and foreign files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nscan/journal.h"

#define START_NS      INT64_C(5000000000)
#define START_WALL_NS INT64_C(1795176000123456789)

static struct interface interfaces[] = {
        {.name = "lo", .index = 1, .kind = LINK_RAW_IP, .up = true, .loopback = true, .mtu_bytes = 65536},
        {.name = "eth9", .index = 2, .kind = LINK_ETHERNET, .up = true, .mtu_bytes = 1500, .mac = {2, 0, 0, 0, 0, 9}},
        {.name = "tun0", .index = 3, .kind = LINK_RAW_IP, .up = true, .mtu_bytes = 1400},
};
static const struct network network = {.interfaces = interfaces, .interface_count = 3};
static const bool use_interface[] = {false, true, true};
static const char *const comments[] = {JOURNAL_MARK "by a test", "seed: 7"};

struct fixture {
	char path[64];
	struct capture_file *file;
	struct link *link;
	uint64_t failed_cookie;
	int failed_error;
	int64_t failed_at_ns;
	size_t frames;
	int64_t frame_at_ns;
	int frame_interface;
	uint8_t frame_bytes[64];
};

static struct journal *begin(struct fixture *f, const char *facts)
{
	struct journal_head head = {
	        .comments = comments,
	        .comment_count = 2,
	        .version = "test",
	        .network = &network,
	        .use_interface = use_interface,
	        .start_ns = START_NS,
	        .start_wall_ns = START_WALL_NS,
	        .facts = facts,
	        .facts_bytes = strlen(facts),
	};
	struct err err = {0};
	struct journal *journal;

	*f = (struct fixture){.path = "/tmp/nscan-test-journal-XXXXXX"};
	close(mkstemp(f->path));
	journal = journal_open(f->path, &err);
	assert_non_null(journal);
	assert_true(journal_begin(journal, &head, &err));
	return journal;
}

static void on_failed(void *context, uint64_t cookie, int error)
{
	struct fixture *f = context;

	f->failed_cookie = cookie;
	f->failed_error = error;
	f->failed_at_ns = link_now(f->link);
}

static void on_frame(void *context, const struct frame *frame)
{
	struct fixture *f = context;

	f->frames++;
	f->frame_at_ns = frame->at_ns;
	f->frame_interface = frame->interface;
	assert_int_equal(frame->type, frame->interface == 1 ? FRAME_ETHERNET : FRAME_RAW_IP);
	assert_true(frame->captured <= sizeof(f->frame_bytes));
	memcpy(f->frame_bytes, frame->bytes, frame->captured);
}

/* Opens what was written, to be played back; checks the facts. */
static void play(struct fixture *f, const char *facts)
{
	struct replay_options options = {.network = &network,
	                                 .start_ns = START_NS,
	                                 .start_wall_ns = START_WALL_NS,
	                                 .send_failed = on_failed,
	                                 .context = f};
	struct err err = {0};
	size_t n;
	char *text;

	f->file = capture_file_open(f->path, &err);
	assert_non_null(f->file);
	assert_true(journal_is_record(f->file));
	text = journal_read_facts(f->file, &n, &err);
	assert_non_null(text);
	assert_int_equal(n, strlen(facts));
	assert_string_equal(text, facts);
	free(text);
	options.file = f->file;
	f->link = replay_link_open(&options, &err);
	assert_non_null(f->link);
}

static void end(struct fixture *f)
{
	link_close(f->link);
	capture_file_close(f->file);
	unlink(f->path);
}

static void frame(struct journal *journal, int interface, const char *bytes, int64_t at_ns)
{
	struct frame frame = {.at_ns = at_ns,
	                      .interface = interface,
	                      .type = FRAME_ETHERNET,
	                      .bytes = (const uint8_t *)bytes,
	                      .captured = strlen(bytes),
	                      .wire_bytes = strlen(bytes) + 100};

	journal_frame(journal, &frame);
}

static void probe(struct journal *journal, int interface, const char *bytes, int64_t at_ns)
{
	journal_probe(journal, interface, (const uint8_t *)bytes, strlen(bytes), at_ns);
}

static void send_probe(struct fixture *f, int interface, const char *bytes)
{
	link_send(f->link, interface, (const uint8_t *)bytes, strlen(bytes), 0);
}

static void everything_comes_back(void **state)
{
	struct fixture f;
	struct journal *journal = begin(&f, "{}");
	struct replay_note note;
	struct err err = {0};

	(void)state;
	journal_aside(journal, 1, (const uint8_t *)"claim", 5, true, START_NS + 1, "not for the engine");
	probe(journal, 1, "first", START_NS + 1000);
	probe(journal, 2, "second", START_NS + 2000);
	journal_note(journal, JOURNAL_FAILED, START_NS + 2500, 101, 77, NULL);
	journal_note(journal, JOURNAL_IDLE, START_NS + 3000, 0, 0, NULL);
	frame(journal, 2, "answer", START_NS + 2900);
	frame(journal, 1, "another", START_NS + 2950);
	journal_note(journal, JOURNAL_NAME, START_NS + 4000, 1, 3, "host.example");
	journal_note(journal, JOURNAL_STOP, START_NS + 5000, 130, 0, "interrupted");
	journal_note(journal, JOURNAL_DONE, START_NS + 6000, 0, 0, "{\"end\":1}");
	assert_true(journal_close(journal, &err));

	play(&f, "{}");
	assert_true(replay_ready(f.link));
	assert_int_equal(link_now(f.link), START_NS + 1000);
	assert_int_equal(replay_next(f.link), JOURNAL_PROBE);
	send_probe(&f, 1, "first");
	assert_int_equal(link_now(f.link), START_NS + 2000);
	send_probe(&f, 2, "second");
	link_flush(f.link);
	assert_int_equal(f.failed_cookie, 77);
	assert_int_equal(f.failed_error, 101);
	assert_int_equal(f.failed_at_ns, START_NS + 2500);
	assert_int_equal(link_now(f.link), START_NS + 3000);
	assert_true(replay_take(f.link, JOURNAL_IDLE, NULL));
	assert_true(link_recv(f.link, 0, on_frame, &f, &err));
	assert_int_equal(f.frames, 2);
	assert_int_equal(f.frame_interface, 1);
	assert_int_equal(f.frame_at_ns, START_NS + 2950);
	assert_memory_equal(f.frame_bytes, "another", 7);
	assert_int_equal(replay_next(f.link), JOURNAL_NAME);
	assert_int_equal(replay_cookie(f.link), 3);
	assert_int_equal(replay_number(f.link), 1);
	assert_true(replay_take(f.link, JOURNAL_NAME, &note));
	assert_string_equal(note.text, "host.example");
	assert_int_equal(note.at_ns, START_NS + 4000);
	assert_true(replay_take(f.link, JOURNAL_STOP, &note));
	assert_int_equal(note.number, 130);
	assert_string_equal(note.text, "interrupted");
	assert_true(replay_take(f.link, JOURNAL_DONE, &note));
	assert_string_equal(note.text, "{\"end\":1}");
	assert_int_equal(replay_next(f.link), JOURNAL_OVER);
	assert_int_equal(replay_why(f.link)->code, ERR_NONE);
	end(&f);
}

/* Facts longer than one block takes, and more packets than the buffers hold. */
static void much_comes_back(void **state)
{
	enum { FACTS = 150001, PROBES = 30000 };
	char *facts = malloc(FACTS + 1);
	struct fixture f;
	struct journal *journal;
	struct err err = {0};
	char text[32];

	(void)state;
	for (size_t i = 0; i < FACTS; i++)
		facts[i] = (char)('a' + i % 26);
	facts[FACTS] = '\0';
	journal = begin(&f, facts);
	for (int i = 0; i < PROBES; i++) {
		snprintf(text, sizeof(text), "probe %d", i);
		probe(journal, 1 + i % 2, text, START_NS + i);
		journal_note(journal, JOURNAL_IDLE, START_NS + i, 0, 0, NULL);
	}
	assert_true(journal_close(journal, &err));
	play(&f, facts);
	for (int i = 0; i < PROBES; i++) {
		snprintf(text, sizeof(text), "probe %d", i);
		assert_int_equal(link_now(f.link), START_NS + i);
		send_probe(&f, 1 + i % 2, text);
		assert_true(replay_take(f.link, JOURNAL_IDLE, NULL));
	}
	assert_int_equal(replay_next(f.link), JOURNAL_OVER);
	end(&f);
	free(facts);
}

static void another_probe_is_told(void **state)
{
	static const struct {
		int interface;
		const char *bytes;
	} others[] = {{1, "probf"}, {1, "probe "}, {2, "probe"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;
		struct journal *journal = begin(&f, "{}");
		struct err err = {0};

		probe(journal, 1, "probe", START_NS);
		assert_true(journal_close(journal, &err));
		play(&f, "{}");
		send_probe(&f, others[i].interface, others[i].bytes);
		assert_int_equal(replay_next(f.link), JOURNAL_OVER);
		assert_non_null(strstr(replay_why(f.link)->text, "does not do what the recorded one did"));
		assert_false(replay_take(f.link, JOURNAL_DONE, NULL));
		end(&f);
	}
}

/* A probe where the record has something else, and something else where it has a probe. */
static void other_orders_are_told(void **state)
{
	struct fixture f;
	struct journal *journal = begin(&f, "{}");
	struct err err = {0};

	(void)state;
	journal_note(journal, JOURNAL_IDLE, START_NS, 0, 0, NULL);
	assert_true(journal_close(journal, &err));
	play(&f, "{}");
	send_probe(&f, 1, "probe");
	assert_int_equal(replay_next(f.link), JOURNAL_OVER);
	assert_int_equal(replay_why(f.link)->code, ERR_SYSTEM);
	end(&f);

	journal = begin(&f, "{}");
	probe(journal, 1, "probe", START_NS);
	assert_true(journal_close(journal, &err));
	play(&f, "{}");
	assert_false(replay_take(f.link, JOURNAL_IDLE, NULL));
	assert_int_equal(replay_next(f.link), JOURNAL_OVER);
	end(&f);
}

/* Cut at any byte: what is whole comes back, and the cut is told unless it lies between two blocks. */
static void cut_records_end_where_they_are_cut(void **state)
{
	struct fixture f;
	struct journal *journal = begin(&f, "{}");
	struct stat about;
	struct err err = {0};
	off_t head;

	(void)state;
	probe(journal, 1, "earlier", START_NS); /* brings the description of its interface along */
	journal_flush(journal, START_NS, INT64_MAX);
	assert_int_equal(stat(f.path, &about), 0);
	head = about.st_size;
	probe(journal, 1, "probe", START_NS);
	journal_note(journal, JOURNAL_IDLE, START_NS, 0, 0, NULL);
	assert_true(journal_close(journal, &err));
	assert_int_equal(stat(f.path, &about), 0);
	for (off_t size = about.st_size - 1; size >= head; size--) {
		bool probe_is_whole;

		assert_int_equal(truncate(f.path, size), 0);
		play(&f, "{}");
		send_probe(&f, 1, "earlier");
		probe_is_whole = replay_next(f.link) == JOURNAL_PROBE;
		if (probe_is_whole)
			send_probe(&f, 1, "probe");
		assert_int_equal(replay_next(f.link), JOURNAL_OVER);
		assert_int_equal(link_now(f.link), START_NS);
		if (size == head)
			assert_int_equal(replay_why(f.link)->code, ERR_NONE);
		else if (!probe_is_whole)
			assert_non_null(strstr(replay_why(f.link)->text, "ends in the middle"));
		link_close(f.link);
		capture_file_close(f.file);
	}
	unlink(f.path);
}

static void facts_that_are_not_there(void **state)
{
	struct fixture f;
	struct journal *journal = begin(&f, "{}");
	struct err err = {0};
	struct stat about;
	size_t n;

	(void)state;
	assert_true(journal_close(journal, &err));
	assert_int_equal(stat(f.path, &about), 0);
	assert_int_equal(truncate(f.path, about.st_size - 44), 0);
	f.file = capture_file_open(f.path, &err);
	assert_non_null(f.file);
	assert_null(journal_read_facts(f.file, &n, &err));
	assert_non_null(strstr(err.text, "before it says what was scanned"));
	capture_file_close(f.file);
	unlink(f.path);
}

static struct journal_head short_head(void)
{
	return (struct journal_head){.comments = comments,
	                             .comment_count = 2,
	                             .version = "test",
	                             .network = &network,
	                             .use_interface = use_interface,
	                             .facts = "{}",
	                             .facts_bytes = 2};
}

/* A device that is full: told at the beginning; and when it fills up later, at the end. */
static void losses_are_told(void **state)
{
	struct journal_head head = short_head();
	struct err err = {0};
	struct journal *journal = journal_open("/dev/full", &err);

	(void)state;
	assert_non_null(journal);
	assert_false(journal_begin(journal, &head, &err));
	assert_int_equal(err.code, ERR_OUTPUT);
	assert_non_null(strstr(err.text, "No space left on device"));
	probe(journal, 1, "goes nowhere", START_NS);
	journal_flush(journal, START_NS, INT64_MAX);
	assert_false(journal_close(journal, &err));
	assert_non_null(strstr(err.text, "what is missing there is lost"));
	assert_null(journal_open("/nonexistent/file", &err));
	assert_non_null(strstr(err.text, "-w /nonexistent/file: No such file"));
}

static size_t size_of(const char *path)
{
	struct stat about;

	assert_int_equal(stat(path, &about), 0);
	return (size_t)about.st_size;
}

/* Before a long wait everything is put out; between short ones every 100 ms. */
static void flushes_are_rare_and_regular(void **state)
{
	struct fixture f;
	struct journal *journal = begin(&f, "{}");
	struct err err = {0};
	size_t before = size_of(f.path);

	(void)state;
	probe(journal, 1, "probe", START_NS);
	journal_flush(journal, START_NS + 1000000, START_NS + 2000000);
	assert_int_equal(size_of(f.path), before);
	journal_flush(journal, START_NS + 100000000, START_NS + 100000001);
	assert_true(size_of(f.path) > before);
	before = size_of(f.path);
	probe(journal, 1, "probe", START_NS);
	journal_flush(journal, START_NS + 101000000, INT64_MAX);
	assert_true(size_of(f.path) > before);
	assert_true(journal_close(journal, &err));
	unlink(f.path);
}

/* Other runs than scans: packets alone, and a section of its own for each time that the network was opened. */
static void packets_alone(void **state)
{
	static struct interface later[] = {{.name = "wlan0", .index = 7, .kind = LINK_ETHERNET, .up = true}};
	static const struct network new_network = {.interfaces = later, .interface_count = 1};
	static const char *const says[] = {"capture by a test"};
	static const bool use[] = {true};
	struct journal_head head = {.comments = says,
	                            .comment_count = 1,
	                            .version = "test",
	                            .network = &network,
	                            .use_interface = use_interface,
	                            .start_ns = START_NS,
	                            .start_wall_ns = START_WALL_NS};
	char path[] = "/tmp/nscan-test-journal-XXXXXX";
	struct capture_file_counters counters;
	struct captured_packet packet;
	struct capture_file *file;
	struct journal *journal;
	struct err err = {0};

	(void)state;
	close(mkstemp(path));
	journal = journal_open(path, &err);
	assert_true(journal_begin(journal, &head, &err));
	probe(journal, 1, "asked", START_NS);
	journal_note(journal, JOURNAL_IDLE, START_NS, 0, 0, "not for others");
	head.network = &new_network;
	head.use_interface = use;
	head.start_ns = START_NS + 7; /* another moment on both clocks */
	head.start_wall_ns = START_WALL_NS + 1000;
	assert_true(journal_begin(journal, &head, &err));
	frame(journal, 0, "answered", START_NS + 8);
	assert_true(journal_close(journal, &err));

	file = capture_file_open(path, &err);
	assert_non_null(file);
	assert_false(journal_is_record(file));
	assert_int_equal(capture_file_next(file, &packet, &err), CAPTURE_PACKET);
	assert_true(packet.at_ns == START_WALL_NS && packet.direction == CAPTURE_OUTBOUND);
	assert_string_equal(capture_file_interface(file, packet.interface), "eth9");
	capture_file_want_blocks(file, true);
	assert_int_equal(capture_file_next(file, &packet, &err), CAPTURE_BLOCK); /* the section, no note before it */
	assert_int_equal(capture_file_next(file, &packet, &err), CAPTURE_BLOCK); /* its interface */
	assert_int_equal(capture_file_next(file, &packet, &err), CAPTURE_PACKET);
	assert_true(packet.at_ns == START_WALL_NS + 1001 && packet.direction == CAPTURE_INBOUND);
	assert_string_equal(capture_file_interface(file, packet.interface), "wlan0");
	assert_int_equal(capture_file_next(file, &packet, &err), CAPTURE_END);
	capture_file_counters(file, &counters);
	assert_int_equal(counters.sections, 2);
	capture_file_close(file);
	unlink(path);
}

/* nscan -w - >>FILE: what was there before is not cut off with what did not arrive. */
static void appending_spares_what_was_there(void **state)
{
	static char old[600], bytes[400];
	struct journal_head head = short_head();
	struct rlimit before, limit;
	char path[] = "/tmp/nscan-test-journal-XXXXXX";
	struct journal *journal;
	struct err err = {0};
	int fd = mkstemp(path), saved = dup(STDOUT_FILENO);
	size_t begun;

	(void)state;
	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(write(fd, old, sizeof(old)), sizeof(old));
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	journal = journal_open("-", &err);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_non_null(journal);
	assert_true(journal_begin(journal, &head, &err));
	begun = size_of(path);
	memset(bytes, 'x', sizeof(bytes) - 1);
	for (int i = 0; i < 4; i++)
		probe(journal, 1, bytes, START_NS);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = begun + 700; /* one packet and a part of the next one: as on a full disk */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_false(journal_close(journal, &err));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_true(size_of(path) > begun + sizeof(bytes) && size_of(path) < begun + 2 * sizeof(bytes));
	close(fd);
	unlink(path);
}

static void times_that_cannot_be(void **state)
{
	struct fixture f;
	struct journal *journal = begin(&f, "{}");
	struct err err = {0};

	(void)state;
	journal_note(journal, JOURNAL_IDLE, START_NS - START_WALL_NS - 10, 0, 0, NULL);
	assert_true(journal_close(journal, &err));
	play(&f, "{}");
	assert_int_equal(replay_next(f.link), JOURNAL_OVER);
	assert_non_null(strstr(replay_why(f.link)->text, "cannot be; the record was altered"));
	end(&f);
}

static void nothing_is_recorded_without_a_journal(void **state)
{
	struct err err = {0};
	uint8_t byte = 0;

	(void)state;
	probe(NULL, 1, "probe", 0);
	frame(NULL, 1, "frame", 0);
	journal_aside(NULL, 1, &byte, 1, true, 0, "x");
	journal_note(NULL, JOURNAL_IDLE, 0, 0, 0, NULL);
	journal_flush(NULL, 0, 0);
	assert_true(journal_close(NULL, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(everything_comes_back),
	        cmocka_unit_test(much_comes_back),
	        cmocka_unit_test(another_probe_is_told),
	        cmocka_unit_test(other_orders_are_told),
	        cmocka_unit_test(cut_records_end_where_they_are_cut),
	        cmocka_unit_test(facts_that_are_not_there),
	        cmocka_unit_test(losses_are_told),
	        cmocka_unit_test(flushes_are_rare_and_regular),
	        cmocka_unit_test(packets_alone),
	        cmocka_unit_test(appending_spares_what_was_there),
	        cmocka_unit_test(times_that_cannot_be),
	        cmocka_unit_test(nothing_is_recorded_without_a_journal),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
