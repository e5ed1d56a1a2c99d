/* wait_run.c: --wait: small scans of one host, or of one port, until one finds an answer.
 *
 * Every attempt opens all it needs anew, and looks the name up anew: what is waited for may be a name, an address, a route or an
 * interface that does not exist yet. */
#include "wait_run.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "interrupt.h"
#include "nscan/engine.h"
#include "nscan/live.h"
#include "nscan/targets.h"
#include "nscan/values.h"
#include "recording.h"
#include "rights.h"
#include "scan.h"

enum {
	HASTY_ATTEMPTS = 4, /* with one probe each; later ones repeat it and listen longer, for hosts far away */
	PATIENT_RETRIES = 2,
	HOST_TEXT_BYTES = 256,
	WHAT_BYTES = 200,
};
static const int64_t EVERY_NS = 1000000000;

struct wait {
	const struct options *options;
	char host[HOST_TEXT_BYTES];
	uint16_t port; /* 0: the host */
	int64_t start_ns;
	int64_t deadline_ns;     /* INT64_MAX: none */
	struct journal *journal; /* -w: of all attempts; NULL: none */
	bool asked;              /* an attempt came to its end */
	bool answered;
	char what[WHAT_BYTES]; /* the answer, or what the last attempt came to */
};

/* Takes any name: only the form is of interest. */
static bool accept_name(void *context, const char *name, struct addr *out, struct err *err)
{
	(void)context, (void)name, (void)err;
	*out = addr_from_v4(1);
	return true;
}

static bool wrong_target(const struct wait *wait, const char *why, struct err *err)
{
	return err_set(err, ERR_USAGE, "--wait %.100s: %.140s", wait->options->wait, why);
}

/* "host", "host:53", "10.0.0.7:domain" */
static bool parse_target(struct wait *wait, struct err *err)
{
	const struct resolver any = {accept_name, NULL};
	const char *text = wait->options->wait, *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	struct target_set *set = target_set_new();
	struct err why = {0};
	uint64_t port = 0;
	bool ok;

	if (!set)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (colon && value_number(colon + 1, &port))
		wait->port = port <= UINT16_MAX ? (uint16_t)port : 0;
	else if (colon)
		wait->port = port_by_service(colon + 1);
	snprintf(wait->host, sizeof(wait->host), "%.*s", n < sizeof(wait->host) ? (int)n : HOST_TEXT_BYTES - 1, text);
	ok = target_set_add(set, wait->host, &any, &why) || wrong_target(wait, why.text, err);
	if (ok && target_set_size(set) != 1)
		ok = wrong_target(wait, "wait for one host", err);
	if (ok && target_set_has_family(set, 6))
		ok = wrong_target(wait, "IPv6 is not available yet; give an IPv4 address", err);
	if (ok && colon && wait->port == 0)
		ok = wrong_target(wait, "give a UDP port from 1 to 65535, or the name of a service, behind the colon",
		                  err);
	if (ok && colon && wait->options->discovery)
		ok = wrong_target(wait, "the port alone is asked; leave the options that begin with -P away", err);
	target_set_free(set);
	return ok;
}

/* "open (udp-response, 0.31 ms)" */
static void describe(struct wait *wait, const char *state, const char *reason, bool has_rtt, int64_t rtt_ns)
{
	if (has_rtt)
		snprintf(wait->what, WHAT_BYTES, "%s (%s, %.3g ms)", state, reason, (double)rtt_ns / 1e6);
	else
		snprintf(wait->what, WHAT_BYTES, "%s (%s)", state, reason);
}

static void observe(void *context, const struct event *event)
{
	struct wait *wait = context;

	if (event->kind == EVENT_PORT && event->u.port.state == PORT_UNKNOWN && wait->asked)
		return;
	if (event->kind == EVENT_HOST && (wait->port == 0 || event->u.host.state != HOST_UP)) {
		const struct host_event *host = &event->u.host;

		wait->answered = host->state == HOST_UP;
		if (host->state == HOST_UNKNOWN && wait->asked)
			return; /* cut short by the deadline: what is known is from before */
		describe(wait, host_state_name(host->state), host->reason, host->has_rtt, host->rtt_ns);
	} else if (event->kind == EVENT_PORT) {
		const struct port_event *port = &event->u.port;

		wait->answered = port->state == PORT_OPEN || port->state == PORT_CLOSED;
		describe(wait, port_state_name(port->state), port->reason, port->has_rtt, port->rtt_ns);
	}
}

/* One scan of what is waited for. False when the end of it all is asked for. */
static bool attempt(struct wait *wait, unsigned number)
{
	struct options options = *wait->options;
	const char *target = wait->host;
	bool has_deadline = wait->deadline_ns != INT64_MAX;
	struct scan *scan = calloc(1, sizeof(*scan));
	struct err err = {0};

	options.targets = (struct text_list){&target, 1};
	options.ports = (struct port_list){wait->port ? &wait->port : NULL, wait->port ? 1 : 0};
	options.hosts_only = wait->port == 0;
	options.discovery = wait->port ? DISCOVER_NONE : options.discovery;
	options.record = NULL; /* every attempt goes into the one file */
	options.no_names = true;
	options.no_pmtu = true;
	options.quiet = !options.packet_trace && options.debug == 0;
	options.has_max_retries = true;
	options.max_retries = number < HASTY_ATTEMPTS ? 0 : PATIENT_RETRIES;
	options.max_time_ns = has_deadline ? wait->deadline_ns - live_now_ns() : 0;
	if (!scan || (has_deadline && options.max_time_ns <= 0)) { /* 0 would be no limit */
		free(scan);
		return false;
	}
	if (scan_open(scan, &options, NULL, NULL, &err)) {
		scan->observe = observe;
		scan->observer = wait;
		scan->journal = wait->journal;
		recording_go_on(scan);
		scan_round(scan);
		scan->journal = NULL;
	} else {
		snprintf(wait->what, WHAT_BYTES, "%.*s", WHAT_BYTES - 1, err.text);
	}
	wait->asked = true;
	scan_close(scan);
	free(scan);
	return interrupts_seen() == 0;
}

/* Which ports are answered for is of no interest to who waits for a host: a port is named as it was typed. */
static int conclude(const struct wait *wait)
{
	char elapsed[DURATION_TEXT_BYTES];

	duration_format(live_now_ns() - wait->start_ns, elapsed);
	if (wait->answered) {
		printf("%s is %s after %s\n", wait->options->wait, wait->what, elapsed);
		return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
	}
	if (interrupts_seen() > 0)
		say_line("interrupted: %s did not answer in %s; last: %s", wait->options->wait, elapsed, wait->what);
	else
		say_line("%s did not answer within %s; last: %s", wait->options->wait, elapsed, wait->what);
	return interrupts_seen() > 0 ? 130 : 1;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool open_record(struct wait *wait, struct err *err)
{
	const char *path = wait->options->record;

	if (!path)
		return true;
	if (strcmp(path, "-") == 0)
		return err_set(err, ERR_USAGE, "-w -: --wait says on standard output who answered; give a file");
	wait->journal = journal_open(path, err);
	return wait->journal != NULL;
}

int wait_main(const struct options *options)
{
	struct wait wait = {.options = options, .start_ns = live_now_ns(), .what = "nothing could be asked"};
	struct err err = {0};
	sigset_t wait_mask;
	int status;

	if (!parse_target(&wait, &err) || !rights_check(&err) || !open_record(&wait, &err))
		return fail(&err);
	wait.deadline_ns = options->timeout_ns ? wait.start_ns + options->timeout_ns : INT64_MAX;
	/* A name server that does not answer must not hold the attempt much longer than an attempt takes. */
	setenv("RES_OPTIONS", "timeout:1 attempts:1", 0);
	interrupts_catch(&wait_mask);
	for (unsigned number = 0;; number++) {
		int64_t next_ns = live_now_ns() + EVERY_NS;

		if (!attempt(&wait, number) || wait.answered)
			break;
		interrupts_pause(&wait_mask, earlier(next_ns, wait.deadline_ns) - live_now_ns());
		if (interrupts_seen() > 0 || live_now_ns() >= wait.deadline_ns)
			break;
	}
	status = conclude(&wait);
	return journal_close(wait.journal, &err) ? status : fail(&err);
}
