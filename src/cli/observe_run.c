/* observe_run.c: -r with anybody's capture: frames out of files and pipes, into the observer, and its events into the reports. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "interrupt.h"
#include "nscan/live.h"
#include "nscan/observe.h"
#include "read.h"
#include "target_input.h"

enum { LINK_TYPES_MAX = 8, NOTE_BYTES = 200 };

/* Frames of a link type that cannot be read. */
struct strange_link {
	int type;
	uint64_t frames;
};

struct reading {
	const struct options *options;
	struct target_set *targets, *exclude;
	struct observer *observer;
	struct port_list ports; /* those that are reported, for the formats that name them; with -p that list itself */
	struct vendors *vendors;
	struct scan_info info;
	struct reports *reports;
	sigset_t wait_mask;
	bool follow; /* some input is a pipe or a terminal: what becomes known is told at once */
	bool begun;
	bool has_times;
	int64_t first_ns; /* of the first packet */
	int64_t last_ns;  /* of the packet before: for those without a time */
	uint64_t packets, cut_short, dropped;
	struct strange_link strange[LINK_TYPES_MAX];
	size_t strange_count;
	bool interrupted;
	char partial_why[sizeof(((struct err *)0)->text)]; /* empty: every capture was whole */
	char note[NOTE_BYTES];
	int status;
};

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while reading the capture");
}

static bool is_stream(const char *path)
{
	struct stat about;

	if ((!strcmp(path, "-") ? fstat(STDIN_FILENO, &about) : stat(path, &about)) != 0)
		return false;
	return !S_ISREG(about.st_mode);
}

/* A file that is not there is better told now than after an hour of reading. */
static bool check_files(struct reading *r, struct err *err)
{
	const struct text_list *captures = &r->options->captures;
	size_t from_stdin = 0;

	for (size_t i = 0; i < captures->count; i++) {
		const char *path = captures->texts[i];

		r->follow = r->follow || is_stream(path);
		from_stdin += strcmp(path, "-") == 0;
		if (from_stdin > 1)
			return err_set(err, ERR_USAGE, "-r -: standard input can be read once; give it once");
		if (strcmp(path, "-") != 0 && access(path, R_OK) != 0)
			return err_set(err, ERR_SYSTEM, "%s: cannot be read; give a capture file that can", path);
	}
	return true;
}

static void describe(struct reading *r)
{
	const struct options *o = r->options;

	r->info = (struct scan_info){
	        .version = NSCAN_VERSION,
	        .argc = o->argc,
	        .argv = o->argv,
	        .ports = o->hosts_only        ? NULL
	                 : o->ports.count > 0 ? &o->ports
	                                      : &r->ports,
	        .show_open_only = o->open_only,
	        .show_reason = o->reason,
	        .verbose = o->verbose,
	        .debug = o->debug,
	        .resolve_nothing = true,
	        .from_capture = true,
	        .vendors = r->vendors,
	};
}

static bool open_reports(struct reading *r, struct err *err)
{
	const struct options *o = r->options;

	r->reports = reports_new(&r->info, err);
	if (!r->reports || (!options_stdout(o) && !reports_add(r->reports, &report_normal, "-", false, err)))
		return false;
	for (size_t i = 0; i < o->output_count; i++) {
		if (!reports_add(r->reports, o->outputs[i].format, o->outputs[i].path, false, err))
			return false;
	}
	return true;
}

static bool start(struct reading *r, struct err *err)
{
	const struct options *o = r->options;
	struct observer_config config;

	r->targets = target_set_new();
	r->exclude = target_set_new();
	if (!r->targets || !r->exclude)
		return no_memory(err);
	if (!check_files(r, err) || !target_input_select(o, r->targets, r->exclude, err))
		return false;
	config = (struct observer_config){.targets = r->targets,
	                                  .exclude = r->exclude,
	                                  .ports = o->ports.count > 0 ? &o->ports : NULL,
	                                  .hosts_only = o->hosts_only,
	                                  .follow = r->follow};
	r->observer = observer_new(&config, err);
	if (!r->observer)
		return false;
	r->vendors = vendors_new(NULL, NULL);
	if (!r->vendors)
		return no_memory(err);
	describe(r);
	return open_reports(r, err);
}

/* The report begins when the first packet was captured. */
static void begin(struct reading *r, int64_t first_ns)
{
	if (r->begun)
		return;
	r->begun = true;
	r->info.start_wall_ns = r->info.start_ns = first_ns;
	reports_begin(r->reports);
}

static void drain(struct reading *r)
{
	struct event event;

	while (observer_next_event(r->observer, &event))
		reports_event(r->reports, &event);
}

static void count_strange(struct reading *r, int type)
{
	size_t i = 0;

	while (i < r->strange_count && r->strange[i].type != type)
		i++;
	if (i == LINK_TYPES_MAX)
		return;
	if (i == r->strange_count)
		r->strange[r->strange_count++] = (struct strange_link){.type = type};
	r->strange[i].frames++;
}

static void take_packet(struct reading *r, const struct captured_packet *packet)
{
	struct reply reply;

	r->packets++;
	if (packet->has_time)
		r->last_ns = packet->at_ns;
	if (packet->has_time && !r->has_times)
		r->first_ns = packet->at_ns;
	r->has_times = r->has_times || packet->has_time;
	if (!frame_link_known((unsigned)packet->link_type)) {
		count_strange(r, packet->link_type);
		return;
	}
	if (r->follow)
		begin(r, r->first_ns);
	if (!decode_frame((enum frame_link)packet->link_type, packet->bytes, packet->captured, &reply)) {
		r->cut_short += packet->captured < packet->wire_bytes;
		return;
	}
	if (packet->direction == CAPTURE_OUTBOUND)
		reply.sent_from_here = true;
	observer_receive(r->observer, &reply, r->last_ns);
	if (r->follow)
		drain(r);
}

/* Nothing more is there now: who reads along gets to see everything so far. False: a signal came. */
static bool wait_for_input(struct reading *r, struct capture_file *file)
{
	bool ready = false;

	reports_flush(r->reports);
	while (!ready && interrupts_seen() == 0) {
		interrupts_hold();
		ready = interrupts_seen() == 0 && capture_file_wait(file, -1, &r->wait_mask);
		interrupts_release();
	}
	return ready;
}

static void cut_off(struct reading *r, const struct err *err)
{
	say_line("%s; what is known so far follows", err->text);
	if (!r->partial_why[0])
		memcpy(r->partial_why, err->text, sizeof(r->partial_why));
	r->status = 1;
}

/* Reads one capture to its end. */
static void read_capture(struct reading *r, struct capture_file *file)
{
	struct capture_file_counters counters;
	struct captured_packet packet;
	struct err err = {0};
	bool more = true;

	while (more && interrupts_seen() == 0 && reports_alive(r->reports) > 0) {
		if (r->follow && !capture_file_ready(file) && !wait_for_input(r, file))
			break;
		switch (capture_file_next(file, &packet, &err)) {
		case CAPTURE_PACKET:
			take_packet(r, &packet);
			break;
		case CAPTURE_CUT:
		case CAPTURE_BROKEN:
			cut_off(r, &err);
			more = false;
			break;
		case CAPTURE_END:
			more = false;
			break;
		case CAPTURE_BLOCK:
		case CAPTURE_INTERRUPTED:
			break;
		}
	}
	capture_file_counters(file, &counters);
	r->dropped += counters.dropped;
	r->interrupted = interrupts_seen() > 0;
}

static void read_captures(struct reading *r, struct capture_file *file)
{
	const struct text_list *captures = &r->options->captures;
	struct err err = {0};

	for (size_t i = 0; i < captures->count && !r->interrupted; i++) {
		if (i > 0)
			file = capture_file_open(captures->texts[i], &err);
		if (!file) {
			cut_off(r, &err);
			continue;
		}
		read_capture(r, file);
		capture_file_close(file);
	}
}

/* What a reader of the results should know about the captures. */
static const char *make_note(struct reading *r, const struct observer_summary *seen)
{
	size_t used = 0;

	if (seen->one_way)
		used += (size_t)snprintf(
		        r->note, sizeof(r->note),
		        "nothing that went back to those who asked is in the capture, so silence proves nothing");
	for (size_t i = 0; i < r->strange_count && used < sizeof(r->note); i++)
		used += (size_t)snprintf(r->note + used, sizeof(r->note) - used,
		                         "%s%" PRIu64 " frames of link type %d cannot be read", used ? "; " : "",
		                         r->strange[i].frames, r->strange[i].type);
	if (r->cut_short > 0 && used < sizeof(r->note))
		used += (size_t)snprintf(r->note + used, sizeof(r->note) - used,
		                         "%s%" PRIu64 " frame%s cut too short by the capture to be read",
		                         used ? "; " : "", r->cut_short, r->cut_short == 1 ? " was" : "s were");
	if (r->packets == 0 && used == 0)
		used += (size_t)snprintf(r->note, sizeof(r->note), "there is no packet in the capture");
	return used ? r->note : NULL;
}

static void finish(struct reading *r)
{
	struct observer_summary seen;
	struct scan_summary summary;

	interrupts_finish();
	observer_finish(r->observer);
	if (!r->follow && !r->options->hosts_only && r->options->ports.count == 0 &&
	    !observer_ports(r->observer, &r->ports))
		r->status = 1;
	observer_summarise(r->observer, &seen);
	begin(r, seen.has_times ? seen.first_ns : r->has_times ? r->first_ns : live_wall_ns());
	drain(r);
	observer_summarise(r->observer, &seen);
	if (seen.out_of_memory) {
		say_line("out of memory: hosts or ports are missing from the report");
		r->status = 1;
	}
	if (r->interrupted) {
		snprintf(r->partial_why, sizeof(r->partial_why), "interrupted");
		r->status = 130;
	}
	summary = (struct scan_summary){
	        .end_wall_ns = seen.last_ns,
	        .elapsed_ns = seen.last_ns - seen.first_ns,
	        .hosts_up = seen.hosts_up,
	        .hosts_down = seen.hosts_down,
	        .hosts_unknown = seen.hosts_unknown,
	        .sent = seen.asked,
	        .received = seen.answered,
	        .rejected = seen.rejected,
	        .kernel_drops = r->dropped,
	        .partial = r->partial_why[0] != '\0',
	        .partial_why = r->partial_why[0] ? r->partial_why : NULL,
	        .note = make_note(r, &seen),
	};
	reports_end(r->reports, &summary);
}

int observe_main(const struct options *options, struct capture_file *first)
{
	struct reading r = {.options = options};
	struct err err = {0};

	if (start(&r, &err)) {
		interrupts_catch(&r.wait_mask);
		read_captures(&r, first);
		finish(&r);
		if (!reports_close(r.reports, &err))
			r.status = fail(&err);
	} else {
		r.status = fail(&err);
		capture_file_close(first);
	}
	reports_free(r.reports);
	observer_free(r.observer);
	vendors_free(r.vendors);
	port_list_free(&r.ports);
	target_set_free(r.exclude);
	target_set_free(r.targets);
	return r.status;
}
