/* ping_run.c: the loop of --ping. What is sent and what a reply means is decided in nscan/ping.h. */
#include "ping_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "interrupt.h"
#include "nscan/ping.h"
#include "nscan/ping_payload.h"
#include "ping_report.h"
#include "recording.h"
#include "rights.h"
#include "scan.h"

#define DEFAULT_INTERVAL_NS INT64_C(1000000000)

enum { DEFAULT_RETRIES = 2, CRAFT_ERRORS_TOO_MANY = 100, SEND_BATCH = 64 };

struct ping_run {
	struct scan scan; /* what is below the engine */
	struct ping *ping;
	struct ping_subject subject;
	FILE *text; /* NULL: JSON has standard output for itself */
	FILE *json; /* NULL: not asked for */
	const char *json_path;
	bool json_failed;
	char said[SERVICE_INFO_BYTES]; /* what the last answer said */
};

/* ---- opening ---- */

/* What the packets say: the operator's bytes, the request of the port's service, or NULL for the stamped payload. */
static const struct payload *choose_payload(const struct scan *scan)
{
	const struct options *o = scan->options;
	uint16_t port = o->ports.count ? o->ports.ports[0] : 0;
	static const uint16_t echo_port = 7; /* RFC 862: answers anything, and so the stamped payload is the best */
	const struct payload *request;

	if (o->data || (o->has_data && o->data_bytes < PING_STAMPED_LEAST))
		return &scan->data;
	if (o->has_data || port == 0 || payload_count(scan->payloads, port) == 0)
		return NULL;
	request = payload_for(scan->payloads, port, 0);
	return port == echo_port && request->build ? NULL : request; /* --payload's own has nothing to build */
}

static bool find_path(const struct scan *scan, struct addr *dst, struct path *path, struct err *err)
{
	const struct options *o = scan->options;
	struct target_cursor cursor = {0};
	int only = o->interface ? network_interface_by_name(&scan->network, o->interface) : -1;

	if (!target_next(scan->targets, scan->exclude, &cursor, dst))
		return err_set(err, ERR_USAGE, "--ping asks one host; give exactly one");
	return network_path(&scan->network, dst, only, &scan->source, path, err);
}

static uint32_t choose_count(const struct scan *scan)
{
	const struct options *o = scan->options;

	if (o->count > 0)
		return (uint32_t)o->count;
	return o->source_port_last > o->source_port ? (uint32_t)scan->held.count : 0;
}

static bool start_ping(struct ping_run *run, struct err *err)
{
	struct scan *scan = &run->scan;
	const struct options *o = scan->options;
	struct ping_config config = {
	        .port = o->ports.count ? o->ports.ports[0] : 0,
	        .source_ports = scan->held.ports,
	        .source_port_count = scan->held.count,
	        .count = choose_count(scan),
	        .interval_ns = o->interval_ns ? o->interval_ns : DEFAULT_INTERVAL_NS,
	        .timeout_ns = o->timeout_ns,
	        .max_retries = o->has_max_retries ? (uint32_t)o->max_retries : DEFAULT_RETRIES,
	        .repeat_as_needed = !o->has_max_retries && scan->held.count > 1,
	        .probe = scan->config.probe,
	        .payload = choose_payload(scan),
	        .data_bytes = o->has_data ? (size_t)o->data_bytes : PING_DEFAULT_BYTES,
	};
	struct addr literal;

	if (!find_path(scan, &config.dst, &config.path, err))
		return false;
	run->ping = scan->ping = ping_new(&config, link_now(scan->link), err);
	if (!run->ping)
		return false;
	run->subject = (struct ping_subject){
	        .name = addr_parse(o->targets.texts[0], &literal) ? NULL : o->targets.texts[0],
	        .dst = config.dst,
	        .src = config.path.source,
	        .port = config.port,
	        .source_ports = scan->held.ports,
	        .source_port_count = scan->held.count,
	        .source_ports_wanted = (size_t)(o->source_port_last - o->source_port) + 1,
	        .data_bytes = config.payload ? config.payload->byte_count : config.data_bytes,
	        .payload = config.payload && config.payload != &scan->data ? config.payload->name : NULL,
	        .interval_ns = config.interval_ns,
	        .verbose = o->verbose,
	        .start_ns = link_now(scan->link),
	        .start_wall_ns = live_wall_ns(),
	};
	scan->info.start_ns = run->subject.start_ns;
	scan->info.start_wall_ns = run->subject.start_wall_ns;
	scan->stop_ns = o->max_time_ns ? run->subject.start_ns + o->max_time_ns : INT64_MAX;
	/* For --packet-trace: every source port, and the packets' own payload. */
	scan->config.probe.data = ping_settings(run->ping)->data;
	return true;
}

static bool open_outputs(struct ping_run *run, struct err *err)
{
	const struct options *o = run->scan.options;

	if (!recording_open(&run->scan, err) || !recording_begin(&run->scan, err))
		return false;
	run->text = o->record && strcmp(o->record, "-") == 0 ? NULL : stdout;
	if (o->output_count > 0) {
		run->json_path = o->outputs[0].path;
		run->json = strcmp(run->json_path, "-") == 0 ? stdout : fopen(run->json_path, "we");
		if (!run->json)
			return err_set(err, ERR_OUTPUT, "-oJ %s: %s; give a file that can be written", run->json_path,
			               strerror(errno));
		if (run->json == stdout)
			run->text = NULL;
	}
	run->scan.trace = (struct trace){
	        .out = !o->packet_trace ? NULL
	               : run->text      ? stdout
	                                : stderr,
	        .start_ns = run->subject.start_ns,
	        .settings = &run->scan.config.probe,
	};
	return true;
}

static void say_setup(struct ping_run *run)
{
	struct scan *scan = &run->scan;
	char interface[INTERFACE_NAME_BYTES] = "?";

	if (scan->options->debug == 0)
		return;
	if (scan->single_interface >= 0)
		memcpy(interface, scan->network.interfaces[scan->single_interface].name, sizeof(interface));
	scan_say(scan, "version %s, interface %s, %zu source ports held from %u on, a probe every %g s", NSCAN_VERSION,
	         interface, scan->held.count, scan->held.ports[0], (double)run->subject.interval_ns / 1e9);
}

static bool open_run(struct ping_run *run, const struct options *options, struct err *err)
{
	if (!scan_open_link(&run->scan, options, NULL, err) || !start_ping(run, err) || !open_outputs(run, err))
		return false;
	rights_drop();
	say_setup(run);
	return true;
}

/* ---- the loop ---- */

static void tell(struct ping_run *run, const struct ping_event *event, const struct service_reading *said)
{
	bool news = said && strcmp(said->info, run->said) != 0;

	if (news)
		snprintf(run->said, sizeof(run->said), "%s", said->info);
	if (run->text)
		ping_text_event(run->text, &run->subject, event, said, news);
	if (run->json && !ping_json_event(run->json, &run->subject, event, said))
		run->json_failed = true;
}

static void flush(struct ping_run *run)
{
	if (run->text)
		fflush(run->text);
	if (run->json)
		fflush(run->json);
}

static void send_due(struct ping_run *run)
{
	struct scan *scan = &run->scan;
	uint8_t frame[CRAFT_MAX_BYTES];
	struct probe probe;
	struct err err;
	size_t n;

	for (int i = 0; i < SEND_BATCH && ping_next_packet(run->ping, link_now(scan->link), &probe); i++) {
		n = craft_probe(scan->craft, &probe, frame, &err);
		if (n == 0) {
			if (scan->craft_errors++ == 0)
				scan_say(scan, "cannot build a packet: %s", err.text);
			ping_send_failed(run->ping, probe.cookie);
			continue;
		}
		trace_sent(&scan->trace, &probe, frame, n, link_now(scan->link));
		journal_probe(scan->journal, probe.interface, frame, n, link_now(scan->link));
		link_send(scan->link, probe.interface, frame, n, probe.cookie);
	}
	link_flush(scan->link);
}

static void on_frame(void *context, const struct frame *frame)
{
	struct ping_run *run = context;
	struct service_reading said;
	struct ping_event event;
	struct reply reply;
	bool known;

	if (!decode_frame(frame->type, frame->bytes, frame->captured, &reply))
		return;
	interrupts_release(); /* the wait is over, and writing may take as long as the reader likes */
	trace_received(&run->scan.trace, &reply, frame->at_ns);
	journal_frame(run->scan.journal, frame);
	if (!ping_receive(run->ping, &reply, frame->at_ns, &event))
		return;
	known = event.result == PING_ANSWER &&
	        service_read(reply.src_port, reply.data, reply.data_bytes, reply.wire_data_bytes, &said);
	tell(run, &event, known ? &said : NULL);
}

static bool receive(struct ping_run *run, struct err *err)
{
	int64_t until_ns = ping_wake(run->ping);
	bool ok = true;

	if (run->scan.stop_ns < until_ns)
		until_ns = run->scan.stop_ns;
	journal_flush(run->scan.journal, link_now(run->scan.link), until_ns);
	interrupts_hold();
	if (interrupts_seen() == 0)
		ok = link_recv(run->scan.link, until_ns, on_frame, run, err);
	interrupts_release();
	return ok;
}

/* Ends the ping when something from outside asks for it. */
static bool must_stop(struct ping_run *run)
{
	struct scan *scan = &run->scan;

	if (interrupts_seen() > 0)
		scan->partial_why = "interrupted";
	else if (link_now(scan->link) >= scan->stop_ns)
		scan->partial_why = "max-time";
	else if (scan->craft_errors > CRAFT_ERRORS_TOO_MANY)
		scan->partial_why = "packets could not be built";
	else if ((run->text && ferror(run->text)) || (run->json && ferror(run->json)))
		scan->partial_why = "output lost";
	return scan->partial_why != NULL;
}

static void loop(struct ping_run *run)
{
	struct ping_event event;
	struct err err = {0};

	while (!must_stop(run)) {
		while (ping_expire(run->ping, link_now(run->scan.link), &event))
			tell(run, &event, NULL);
		send_due(run);
		flush(run);
		if (ping_done(run->ping))
			return;
		if (!receive(run, &err)) {
			scan_say(&run->scan, "%s; what is known so far follows", err.text);
			memcpy(run->scan.partial_text, err.text, sizeof(err.text));
			run->scan.partial_why = run->scan.partial_text;
			run->scan.status = 1;
			return;
		}
	}
}

/* ---- the end ---- */

/* Every byte has arrived, or it is told. */
static void close_output(struct ping_run *run, FILE *file, const char *path)
{
	bool bad = ferror(file) != 0;

	errno = 0;
	bad |= fflush(file) != 0;
	if (file != stdout)
		bad |= fclose(file) != 0;
	if (!bad)
		return;
	scan_say(&run->scan, "%s: %s; what is missing there is lost", path, errno ? strerror(errno) : "cannot write");
	run->scan.status = 1;
}

static void report_end(struct ping_run *run)
{
	const struct scan *scan = &run->scan;
	struct ping_end end = {
	        .stats = ping_statistics(run->ping),
	        .elapsed_ns = link_now(scan->link) - run->subject.start_ns,
	        .partial_why = scan->partial_why,
	        .send_error_text = send_errors_commonest(&scan->send_errors),
	};

	end.ports = ping_ports(run->ping, &end.port_count);
	if (run->text)
		ping_text_end(run->text, &run->subject, &end);
	if (run->json && !ping_json_end(run->json, &run->subject, &end))
		run->json_failed = true;
	if (run->json_failed)
		scan_say(&run->scan, "out of memory: lines are missing in the JSON output");
	run->scan.status |= run->json_failed || ping_stats_replied(end.stats) == 0;
}

static void close_run(struct ping_run *run)
{
	if (run->text)
		close_output(run, run->text, "standard output");
	if (run->json)
		close_output(run, run->json, strcmp(run->json_path, "-") == 0 ? "standard output" : run->json_path);
	run->scan.ping = NULL;
	ping_free(run->ping);
	scan_close(&run->scan);
}

int ping_main(const struct options *options)
{
	struct ping_run *run = calloc(1, sizeof(*run));
	struct err err = {0};
	int status;

	if (!run) {
		err_set(&err, ERR_SYSTEM, "out of memory while starting the ping");
		return fail(&err);
	}
	if (open_run(run, options, &err)) {
		if (run->text)
			ping_text_begin(run->text, &run->subject);
		loop(run);
		interrupts_finish();
		report_end(run);
	} else {
		run->scan.status = fail(&err);
	}
	close_run(run);
	status = run->scan.status;
	free(run);
	return status;
}
