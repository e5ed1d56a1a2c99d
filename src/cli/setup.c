/* setup.c: options become an open scan: targets, network, source ports, link, engine, reports. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claiming.h"
#include "interrupt.h"
#include "nscan/ping.h"
#include "nscan/wire.h"
#include "own_ports.h"
#include "payload_options.h"
#include "recording.h"
#include "rights.h"
#include "scan.h"
#include "survey.h"
#include "target_input.h"

#define KEPT_OF_LOSS 0.9

enum { DEFAULT_TTL = 64, MOST_STALE_BATCHES = 1000 };

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while starting the scan");
}

/* Large probes: told before anything is sent, where the MTU is known. */
static bool check_sizes(const struct scan *scan, struct err *err)
{
	const struct interface *interface;
	size_t bytes = IPV4_HEADER_BYTES + UDP_HEADER_BYTES + (size_t)scan->options->data_bytes;

	if (!scan->options->has_data || scan->single_interface < 0)
		return true;
	interface = &scan->network.interfaces[scan->single_interface];
	if (bytes <= interface->mtu_bytes)
		return true;
	return err_set(err, ERR_USAGE, "%zu bytes of data do not fit the MTU of %s (%u bytes); give at most %zu",
	               (size_t)scan->options->data_bytes, interface->name, interface->mtu_bytes,
	               (size_t)interface->mtu_bytes - IPV4_HEADER_BYTES - UDP_HEADER_BYTES);
}

/* --data and its kin as a payload that every port gets. Drawn bytes may carry identity, the operator's own may not. */
static bool make_data(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;
	size_t n = (size_t)o->data_bytes;
	struct rng rng = rng_from_seed(scan->seed);

	if (!o->has_data)
		return true;
	scan->data_bytes = malloc(n ? n : 1);
	if (!scan->data_bytes)
		return no_memory(err);
	if (o->data)
		memcpy(scan->data_bytes, o->data, n);
	/* --data-length: random bytes, behind two that are chosen for each probe (zero until then). */
	if (!o->data && n >= 2)
		memset(scan->data_bytes, 0, 2);
	for (size_t i = n >= 2 ? 2 : 0; !o->data && i < n; i++)
		scan->data_bytes[i] = (uint8_t)rng_next(&rng);
	scan->data = (struct payload){
	        .name = "data",
	        .source = "command line",
	        .nonce_offset = !o->data && n >= 2 ? 0 : -1,
	        .bytes = n ? scan->data_bytes : NULL,
	        .byte_count = n,
	};
	return true;
}

static bool choose_seeds(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;
	uint32_t drawn; /* short enough to be typed again */

	if (scan->playback) {
		playback_seeds(scan);
		return true;
	}
	if (!live_random(&drawn, sizeof(drawn), err))
		return false;
	scan->seed = o->has_seed ? o->seed : drawn;
	/* Identity is random even where the order is not: a forger must not be able to compute it from a published seed. */
	return live_random(scan->config.probe.key, HASH_KEY_BYTES, err);
}

static void on_send_failed(void *context, uint64_t cookie, int error)
{
	struct scan *scan = context;

	int64_t now_ns = link_now(scan->link);

	if (cookie == CLAIM_COOKIE) {
		scan->claim_error = error;
		return;
	}
	if (!engine_asks_size(cookie) && send_errors_add(&scan->send_errors, error))
		scan_say(scan, "cannot send some packets for now: %s; they will be sent again", send_error_text(error));
	if (scan->ping) {
		ping_send_failed(scan->ping, cookie);
		return;
	}
	journal_note(scan->journal, JOURNAL_FAILED, now_ns, (uint32_t)error, cookie, NULL);
	engine_send_failed(scan->engine, cookie, error, now_ns);
}

/* Reverse names are of the live hosts, with -R of all, with -n of none, as nmap has it. */
static bool prepare_names(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;

	if (o->no_names || o->ping || scan->playback)
		return true;
	scan->names = names_new(o->all_names, o->dns_servers, scan_deliver, scan, err);
	return scan->names != NULL;
}

static bool open_link(struct scan *scan, struct err *err)
{
	uint64_t random;
	struct live_options live = {
	        .network = &scan->network,
	        .use_interface = scan->use_interface,
	        .wait_mask = &scan->wait_mask,
	        .may_overtake = scan->options->hosts_only,
	        .wake_fd = scan->names ? names_fd(scan->names) : 0,
	        .send_failed = on_send_failed,
	        .context = scan,
	};

	if (scan->playback)
		return playback_ports(scan, err) && playback_link(scan, on_send_failed, err);
	if (!live_random(&random, sizeof(random), err) || (scan->held.count == 0 && !own_ports_hold(scan, random, err)))
		return false;
	live.source_ports = scan->held.ports;
	live.source_port_count = scan->held.count;
	interrupts_catch(&scan->wait_mask);
	scan->link = live_link_open(&live, err);
	return scan->link != NULL;
}

/* The one moment that is known on both clocks. */
static void take_start(struct scan *scan)
{
	const struct run_facts *run = scan->playback ? facts_run(scan->playback->facts) : NULL;

	scan->info.start_wall_ns = run ? run->start_wall_ns : live_wall_ns();
	scan->info.start_ns = run ? run->start_ns : link_now(scan->link);
}

/* What is the same for every probe, and what makes packets of them. */
static bool prepare_probes(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;
	struct engine_config *c = &scan->config;

	scan->payloads = payload_options_book(o);
	if (!scan->payloads)
		return no_memory(err);
	scan->craft = craft_new(&scan->network, err);
	if (!scan->craft)
		return false;
	c->probe.source_ports = scan->held.ports;
	c->probe.source_port_count = scan->held.count;
	c->probe.ttl = o->ttl ? (uint8_t)o->ttl : DEFAULT_TTL;
	c->probe.tos = (uint8_t)o->tos;
	c->probe.checksum_mode = o->checksum_mode;
	c->probe.fixed_checksum = o->fixed_checksum;
	c->probe.bad_checksum = o->bad_checksum;
	c->probe.payloads = scan->payloads;
	c->probe.data = o->has_data ? &scan->data : NULL;
	return true;
}

static bool start_engine(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;
	struct engine_config *c = &scan->config;

	c->targets = scan->targets;
	c->exclude = scan->exclude;
	c->ports = o->hosts_only ? NULL : &o->ports;
	c->pmtu = o->no_pmtu ? PMTU_OFF : o->has_pmtu ? o->pmtu : o->hosts_only ? PMTU_OFF : PMTU_USUAL;
	c->network = &scan->network;
	c->seed = scan->seed;
	c->shard = o->shard;
	c->discovery = o->discovery;
	c->discovery_ports = o->discovery_ports.count ? &o->discovery_ports : NULL;
	c->only_interface = o->interface ? network_interface_by_name(&scan->network, o->interface) : -1;
	c->source = scan->source;
	c->sources = o->sources;
	c->source_count = o->source_count;
	c->host_timeout_ns = o->host_timeout_ns;
	c->max_host_rate = o->max_host_rate;
	c->max_retries = o->has_max_retries ? (int)o->max_retries : -1;
	c->max_rate = o->max_rate;
	c->min_rate = o->min_rate;
	c->broadcast = o->broadcast_ping;
	take_start(scan);
	scan->engine = engine_new(c, scan->info.start_ns, err);
	if (!scan->engine)
		return false;
	return !scan->resume || resume_skip(scan->resume, scan->engine, c, err);
}

static void describe(struct scan *scan)
{
	const struct options *o = scan->options;

	if (scan->single_interface >= 0)
		snprintf(scan->interface_name, sizeof(scan->interface_name), "%s",
		         scan->network.interfaces[scan->single_interface].name);
	scan->info = (struct scan_info){
	        .version = NSCAN_VERSION,
	        .argc = o->argc,
	        .argv = o->argv,
	        .start_wall_ns = scan->info.start_wall_ns,
	        .start_ns = scan->info.start_ns,
	        .interface = scan->single_interface >= 0 ? scan->interface_name : NULL,
	        .source = scan->info.source,
	        .seed = scan->seed,
	        .shard = o->shard,
	        .ports = scan->playback ? playback_ports_shown(scan->playback, scan->config.ports) : scan->config.ports,
	        .show_open_only = o->open_only,
	        .show_reason = o->reason,
	        .verbose = o->verbose,
	        .debug = o->debug,
	        .resolve_nothing = o->no_names,
	        .vendors = scan->vendors,
	};
	scan->stop_ns = o->max_time_ns ? scan->info.start_ns + o->max_time_ns : INT64_MAX;
}

enum { RATE_TEXT_BYTES = 40 };

static const char *rate_text(double per_s, char out[RATE_TEXT_BYTES])
{
	if (per_s > 0)
		snprintf(out, RATE_TEXT_BYTES, "at most %g/s", per_s);
	else
		snprintf(out, RATE_TEXT_BYTES, "at nscan's own pace");
	return out;
}

/* -d: what the options and the machine came to. */
static void say_setup(struct scan *scan)
{
	char source[ADDR_TEXT_BYTES], in_all[RATE_TEXT_BYTES], to_host[RATE_TEXT_BYTES];

	if (scan->options->debug == 0)
		return;
	scan_say(scan, "version %s, seed %llu, interface %s, source %s, %zu source ports from %u on", NSCAN_VERSION,
	         (unsigned long long)scan->seed, scan->info.interface ? scan->info.interface : "by route",
	         scan->options->source_count > 1 ? "several" : addr_format(&scan->info.source, source),
	         scan->held.count, scan->held.ports[0]);
	if (scan->options->source_count > 0)
		scan_say(scan, "%zu source addresses, %zu of them to be claimed", scan->options->source_count,
		         scan->to_claim_count);
	scan_say(scan, "targets: %llu at most, %zu port%s each; packets: %s in all, %s to a host",
	         (unsigned long long)target_set_size(scan->targets), scan->options->ports.count,
	         scan->options->ports.count == 1 ? "" : "s", rate_text(scan->options->max_rate, in_all),
	         rate_text(scan->options->max_host_rate, to_host));
}

/* -w -: the record has standard output for itself. */
static bool scan_records_on_stdout(const struct scan *scan)
{
	return scan->options->record && strcmp(scan->options->record, "-") == 0;
}

/* --watch tells a person something else than a scan does. */
static const struct report_format *format_of(const struct options *options, const struct report_format *format)
{
	return options->watch_ns && format == &report_normal ? &report_watch : format;
}

/* Opens every report. The file that --resume goes on with has its own set: it must not hear again what it already holds. */
static bool open_reports(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;

	scan->reports = reports_new(&scan->info, err);
	if (!scan->reports)
		return false;
	if (!options_stdout(o) && !scan_records_on_stdout(scan) && (!o->quiet || o->watch_ns) &&
	    !reports_add(scan->reports, format_of(o, &report_normal), "-", false, err))
		return false;
	for (size_t i = 0; i < o->output_count; i++) {
		const struct output_choice *choice = &o->outputs[i];
		struct reports *set = scan->reports;

		if (choice->append) {
			if (!resume_trim(scan->resume, err))
				return false;
			set = scan->continued = reports_new(&scan->info, err);
		}
		if (!set || !reports_add(set, format_of(o, choice->format), choice->path, choice->append, err))
			return false;
	}
	return true;
}

/* The normal report and the packet trace share standard output; a machine's format has it for itself. */
static void start_screen(struct scan *scan)
{
	const struct options *o = scan->options;
	const struct output_choice *on_stdout = options_stdout(o);
	bool machine_reads = (on_stdout && on_stdout->format != &report_normal) || scan_records_on_stdout(scan);
	bool live = isatty(STDERR_FILENO) && !o->packet_trace && !scan->playback && !o->quiet;

	scan->trace = (struct trace){
	        .out = !o->packet_trace ? NULL
	               : machine_reads  ? stderr
	                                : stdout,
	        .start_ns = scan->info.start_ns,
	        .settings = &scan->config.probe,
	};
	scan->shares_terminal = live && isatty(STDOUT_FILENO);
	progress_start(&scan->progress, live, o->stats_every_ns, scan->info.start_ns);
}

static bool check_one_host(const struct scan *scan, struct err *err)
{
	if (!scan->options->ping || target_set_size(scan->targets) == 1)
		return true;
	return err_set(err, ERR_USAGE, "--ping asks one host; '%.80s' are several", scan->options->targets.texts[0]);
}

/* What the kernel says of the network, and whether it will let us scan; or what it said then. */
static bool look_around(struct scan *scan, struct err *err)
{
	if (scan->playback)
		return facts_network(scan->playback->facts, &scan->network, err) && survey_check_name(scan, err);
	return network_read(&scan->network, err) && survey_check_name(scan, err) && rights_check(err);
}

/* All that depends on the network as it is now. */
static bool open_network(struct scan *scan, struct err *err)
{
	return look_around(scan, err) && survey_paths(scan, err) && claiming_check(scan, err) &&
	       check_sizes(scan, err) && choose_seeds(scan, err) && make_data(scan, err) && prepare_names(scan, err) &&
	       open_link(scan, err) && prepare_probes(scan, err);
}

/* The source ports stay held: holding low ones again would need rights that were dropped. */
static void close_network(struct scan *scan)
{
	names_free(scan->names);
	engine_free(scan->engine);
	craft_free(scan->craft);
	payload_book_free(scan->payloads);
	link_close(scan->link);
	free(scan->use_interface);
	free(scan->data_bytes);
	network_free(&scan->network);
	scan->names = NULL;
	scan->engine = NULL;
	scan->craft = NULL;
	scan->payloads = NULL;
	scan->link = NULL;
	scan->use_interface = NULL;
	scan->data_bytes = NULL;
	scan->network = (struct network){0};
}

/* What was learnt of the ways to the hosts is kept for the next engine; the far past counts less and less. */
static void keep_knowledge(struct scan *scan)
{
	if (!scan->engine)
		return;
	engine_knowledge(scan->engine, &scan->knowledge);
	scan->knowledge.discovery_loss.asked *= KEPT_OF_LOSS;
	scan->knowledge.discovery_loss.lost *= KEPT_OF_LOSS;
	scan->config.knowledge = &scan->knowledge;
}

bool scan_reopen(struct scan *scan, struct err *err)
{
	struct scan_info info = scan->info; /* what the report's head says still holds */
	bool ok;

	keep_knowledge(scan);
	close_network(scan);
	scan->single_interface = -1;
	scan->partial_why = NULL;
	scan->craft_errors_in_a_row = 0;
	ok = open_network(scan, err);
	scan->seed = info.seed;
	ok = ok && start_engine(scan, err);
	if (ok)
		recording_go_on(scan);
	scan->info = info;
	return ok;
}

/* What came between two rounds. */
struct stale {
	struct journal *journal;
	bool any;
};

static void throw_away(void *context, const struct frame *frame)
{
	struct stale *stale = context;

	journal_frame(stale->journal, frame);
	stale->any = true;
}

bool scan_restart(struct scan *scan, struct err *err)
{
	struct stale stale = {scan->journal, true};

	/* Late answers to the round before are not answers to this one: ARP's cannot be told apart, others can by the key. */
	for (int batches = 0; stale.any && batches < MOST_STALE_BATCHES; batches++) {
		stale.any = false;
		if (!link_recv(scan->link, 0, throw_away, &stale, err))
			return false;
	}
	if (!live_random(scan->config.probe.key, HASH_KEY_BYTES, err))
		return false;
	keep_knowledge(scan);
	engine_free(scan->engine);
	scan->engine = engine_new(&scan->config, link_now(scan->link), err);
	scan->partial_why = NULL;
	return scan->engine != NULL;
}

bool scan_open_link(struct scan *scan, const struct options *options, struct playback *playback, struct err *err)
{
	*scan = (struct scan){.options = options, .playback = playback, .single_interface = -1, .taking = UINT64_MAX};
	if (options->record && options_action(options) == ACTION_SCAN && !(scan->facts = facts_new()))
		return no_memory(err);
	scan->source = options->source_count > 0 ? options->sources[0] : options->source;
	return recording_check(options, err) && target_input_read(scan, err) && check_one_host(scan, err) &&
	       open_network(scan, err);
}

bool scan_open(struct scan *scan, const struct options *options, struct resume *resume, struct playback *playback,
               struct err *err)
{
	if (!scan_open_link(scan, options, playback, err))
		return false;
	scan->resume = resume;
	if (!start_engine(scan, err))
		return false;
	scan->vendors = vendors_new(NULL, NULL);
	if (!scan->vendors)
		return no_memory(err);
	describe(scan);
	if (!open_reports(scan, err) || !recording_open(scan, err))
		return false;
	if (!scan->playback)
		rights_drop();
	start_screen(scan);
	say_setup(scan);
	if (!recording_begin(scan, err) || (!scan->playback && !claiming_start(scan, err)))
		return false;
	reports_begin(scan->reports);
	if (scan->continued)
		reports_begin(scan->continued);
	if (scan->resume)
		resume_replay_finished(scan->resume, scan->reports, scan->info.start_ns);
	return true;
}

/* Tells whether every byte of one set of reports arrived. */
static void close_reports(struct scan *scan, struct reports *reports)
{
	struct err err = {0};

	if (reports && !reports_close(reports, &err)) {
		scan_say(scan, "%s", err.text);
		scan->status = 1;
	}
	reports_free(reports);
}

void scan_close(struct scan *scan)
{
	progress_clear(&scan->progress);
	close_reports(scan, scan->reports);
	close_reports(scan, scan->continued);
	recording_close(scan);
	facts_free(scan->facts);
	close_network(scan);
	vendors_free(scan->vendors);
	held_ports_release(&scan->held);
	claims_free(&scan->claims);
	free(scan->to_claim);
	target_set_free(scan->exclude);
	target_set_free(scan->targets);
}
