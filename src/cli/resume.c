/* resume.c: a scan goes on: the same command line and seed, without what is settled; other reports are told it again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "overwrite.h"
#include "resume_internal.h"

/* Targets looked at to find the places of the finished hosts. */
static const uint64_t MOST_WALKED = UINT64_C(1) << 26;

/* Which of the outputs wrote the file: the one of that name, else the JSON on standard output, else any JSON (it was moved). */
static struct output_choice *find_output(const struct resume *resume, struct options *options)
{
	struct output_choice *best = NULL;

	for (size_t i = 0; i < options->output_count; i++) {
		struct output_choice *choice = &options->outputs[i];

		if (choice->format != &report_json)
			continue;
		if (is_same_file(resume->path, choice->path))
			return choice;
		if (!best || strcmp(choice->path, "-") == 0)
			best = choice;
	}
	return best;
}

bool resume_options(struct resume *resume, struct options *options, struct err *err)
{
	struct err why = {0};
	struct output_choice *choice;

	if (!options_parse(resume->arg_count, resume->args, options, &why))
		return err_set(err, ERR_USAGE, "--resume %s: its command line is not understood: %s", resume->path,
		               why.text);
	if (options_action(options) != ACTION_SCAN)
		return err_set(err, ERR_USAGE, "--resume %s: its command line is not that of a scan", resume->path);
	for (size_t i = 0; i < options->target_files.count; i++) {
		if (strcmp(options->target_files.texts[i], "-") == 0)
			return err_set(err, ERR_USAGE,
			               "--resume %s: its targets came from standard input (-iL -) and are gone; scan "
			               "again with a file",
			               resume->path);
	}
	choice = find_output(resume, options);
	if (!choice)
		return err_set(err, ERR_USAGE, "--resume %s: that scan wrote no -oJ; give the -oJ file of the scan",
		               resume->path);
	if (strlen(resume->path) >= sizeof(choice->path))
		return err_set(err, ERR_USAGE, "--resume %.40s...: the path is too long; at most %d bytes",
		               resume->path, OUTPUT_PATH_BYTES - 1);
	strcpy(choice->path, resume->path);
	choice->append = true;
	options->has_seed = true;
	options->seed = resume->seed;
	return overwrite_check(options, &(struct text_list){&resume->path, 1}, "--resume", err);
}

/* The scan came to its end, and no host was given up on the way (--host-timeout, or it had disappeared). */
bool resume_is_complete(const struct resume *resume)
{
	for (size_t i = 0; i < resume->item_count; i++) {
		const struct resume_item *item = &resume->items[i];

		if ((item->kind == EVENT_PORT && item->state == PORT_UNKNOWN) ||
		    (item->kind == EVENT_HOST && item->state == HOST_UNKNOWN))
			return false;
	}
	return resume->complete;
}

bool resume_trim(const struct resume *resume, struct err *err)
{
	if (resume->good_bytes == resume->file_bytes || truncate(resume->path, (off_t)resume->good_bytes) == 0)
		return true;
	return err_set(err, ERR_OUTPUT, "--resume %s: cannot cut off its broken last line: %s", resume->path,
	               strerror(errno));
}

/* The host's own line; NULL when there is none. */
static const struct resume_item *host_item(const struct resume *resume, const struct resume_host *host)
{
	const struct resume_item *item = &resume->items[host->first];

	return item->kind == EVENT_HOST ? item : NULL;
}

static bool is_settled_port(const struct resume_item *item, const struct port_list *ports)
{
	return item->kind == EVENT_PORT && item->state != PORT_UNKNOWN && ports &&
	       port_list_contains(ports, item->port);
}

/* By an ICMP error of the host itself. Closed says so; of a filtered one its line does. */
static bool is_refused(struct resume *resume, const struct resume_item *item)
{
	struct event event;

	if (item->state == PORT_FILTERED)
		return resume_event_load(resume, item, &event) && !addr_is_set(&event.u.port.from);
	return item->state == PORT_CLOSED;
}

static bool is_finished(const struct resume *resume, const struct resume_host *host, const struct port_list *ports)
{
	const struct resume_item *item = host_item(resume, host);
	size_t settled = 0;

	if (!item || item->state == HOST_UNKNOWN)
		return false;
	if (item->state == HOST_DOWN || !ports)
		return true;
	for (size_t i = host->first; i < host->first + host->count; i++)
		settled += is_settled_port(&resume->items[i], ports);
	return settled == ports->count;
}

static int compare_host(const void *key, const void *host)
{
	const struct resume_host *h = host;
	const struct addr *addr = ((const void *const *)key)[0];
	const struct resume *resume = ((const void *const *)key)[1];

	return addr_compare(addr, &resume->items[h->first].addr);
}

static struct resume_host *find_host(const struct resume *resume, const struct addr *addr)
{
	const void *key[] = {addr, resume};

	if (resume->host_count == 0)
		return NULL;
	return bsearch(key, resume->hosts, resume->host_count, sizeof(*resume->hosts), compare_host);
}

/* Walks the targets until every finished host has been met. One that is no target any more is met nowhere and left out. */
static bool place_finished(struct resume *resume, const struct target_set *targets, const struct target_set *exclude,
                           struct err *err)
{
	struct target_cursor cursor = {0};
	struct addr addr;
	uint64_t asked = 0;
	size_t finished = 0;

	for (size_t h = 0; h < resume->host_count; h++)
		finished += resume->hosts[h].finished;
	resume->ranks = calloc(finished + 1, sizeof(*resume->ranks));
	if (!resume->ranks)
		return err_set(err, ERR_SYSTEM, "out of memory while resuming");
	while (resume->rank_count < finished && asked < MOST_WALKED && target_next(targets, exclude, &cursor, &addr)) {
		struct resume_host *host = find_host(resume, &addr);

		if (!host || !host->finished) {
			asked++;
			continue;
		}
		host->placed = true;
		host->ordinal = asked + resume->rank_count;
		resume->ranks[resume->rank_count++] = asked;
	}
	return true;
}

bool resume_skip(struct resume *resume, struct engine *engine, const struct engine_config *config, struct err *err)
{
	for (size_t h = 0; h < resume->host_count; h++) {
		struct resume_host *host = &resume->hosts[h];
		const struct resume_item *items = resume->items + host->first;

		host->finished = is_finished(resume, host, config->ports);
		if (host->finished && !engine_skip_host(engine, &items->addr, err))
			return false;
		for (size_t i = 0; !host->finished && i < host->count; i++) {
			if (is_settled_port(&items[i], config->ports) &&
			    !engine_skip_port(engine, &items[i].addr, items[i].port, items[i].state,
			                      is_refused(resume, &items[i]), err))
				return false;
		}
	}
	return place_finished(resume, config->targets, config->exclude, err);
}

uint64_t resume_ordinal(const struct resume *resume, uint64_t engine_ordinal)
{
	size_t low = 0, high = resume->rank_count;

	/* Finished hosts with a rank up to this ordinal come before it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (resume->ranks[middle] <= engine_ordinal)
			low = middle + 1;
		else
			high = middle;
	}
	return engine_ordinal + low;
}

/* Tells one remembered line as if it had just been found out. */
static void replay(struct resume *resume, const struct resume_item *item, uint64_t ordinal, int64_t at_ns,
                   struct reports *reports)
{
	struct event event;

	if (!resume_event_load(resume, item, &event))
		return;
	event.ordinal = ordinal;
	event.at_ns = at_ns;
	reports_event(reports, &event);
}

void resume_replay_finished(struct resume *resume, struct reports *reports, int64_t at_ns)
{
	for (size_t h = 0; h < resume->host_count; h++) {
		const struct resume_host *host = &resume->hosts[h];
		const struct resume_item *items = resume->items + host->first;
		struct event done = {.kind = EVENT_HOST_DONE, .at_ns = at_ns, .ordinal = host->ordinal};

		if (!host->placed)
			continue;
		done.addr = items->addr;
		for (size_t i = 0; i < host->count; i++)
			replay(resume, &items[i], host->ordinal, at_ns, reports);
		reports_event(reports, &done);
	}
}

void resume_replay_begun(struct resume *resume, struct reports *reports, const struct event *event)
{
	const struct resume_host *host = event->u.host.state == HOST_UP ? find_host(resume, &event->addr) : NULL;

	if (!host || host->finished)
		return;
	for (size_t i = host->first; i < host->first + host->count; i++) {
		const struct resume_item *item = &resume->items[i];

		/* Only what is not asked again: a state "unknown" is about to be replaced. */
		if (item->kind == EVENT_NOTE || (item->kind == EVENT_PORT && item->state != PORT_UNKNOWN))
			replay(resume, item, event->ordinal, event->at_ns, reports);
	}
}

void resume_count(const struct resume *resume, struct scan_summary *summary)
{
	for (size_t h = 0; h < resume->host_count; h++) {
		const struct resume_host *host = &resume->hosts[h];

		/* A finished host has its own line, and that comes first. */
		if (host->placed && resume->items[host->first].state == HOST_UP)
			summary->hosts_up++;
		else if (host->placed)
			summary->hosts_down++;
	}
}
