/* merge.c: --merge: which parts there are, what is missing, and what the reports say about the whole. */
#include "merge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fail.h"
#include "nscan/live.h"
#include "overwrite.h"

enum { WHY_BYTES = 240, PORTS = 65536 };

struct merge {
	const struct options *options;
	struct resume **parts; /* in the order of their scans */
	size_t part_count;
	struct port_list ports; /* asked by any part */
	struct vendors *vendors;
	struct scan_info info;
	struct reports *reports;
	char why[WHY_BYTES]; /* the merged report is partial; empty: whole */
};

static int64_t start_of(const struct resume *part)
{
	return part->runs[0].start_wall_ns;
}

/* Keeps the order of the command line among scans that began together. */
static void sort_by_start(struct merge *merge)
{
	for (size_t i = 1; i < merge->part_count; i++) {
		struct resume *part = merge->parts[i];
		size_t k = i;

		for (; k > 0 && start_of(merge->parts[k - 1]) > start_of(part); k--)
			merge->parts[k] = merge->parts[k - 1];
		merge->parts[k] = part;
	}
}

/* Every part stays open. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool read_parts(struct merge *merge, struct err *err)
{
	const struct text_list *paths = &merge->options->targets;

	allow_many_files();
	merge->parts = calloc(paths->count, sizeof(struct resume *));
	if (!merge->parts)
		return err_set(err, ERR_SYSTEM, "out of memory while merging");
	for (size_t i = 0; i < paths->count; i++) {
		struct resume *part = resume_read(paths->texts[i], "--merge", err);

		if (!part)
			return false;
		merge->parts[merge->part_count++] = part;
		if (part->good_bytes != part->file_bytes)
			say_line("%s: its last line is cut off; what was written before it counts", part->path);
	}
	sort_by_start(merge);
	return true;
}

/* Ports that the part's command line asks for; false when that says nothing about ports, because it is itself a merge or of another
 * version. */
static bool ports_of_options(const struct resume *part, bool *asked)
{
	struct options options = {0};
	struct err why = {0};
	bool ok = options_parse(part->arg_count, part->args, &options, &why) && options_action(&options) == ACTION_SCAN;

	for (size_t i = 0; ok && i < options.ports.count; i++)
		asked[options.ports.ports[i]] = true;
	options_free(&options);
	return ok;
}

/* The list that the reports show as asked. */
static bool list_ports(struct merge *merge, struct err *err)
{
	bool *asked = calloc(PORTS, sizeof(*asked));
	uint16_t *ports = malloc(PORTS * sizeof(*ports));
	size_t count = 0;

	if (!asked || !ports) {
		free(asked);
		free(ports);
		return err_set(err, ERR_SYSTEM, "out of memory while merging");
	}
	for (size_t p = 0; p < merge->part_count; p++) {
		const struct resume *part = merge->parts[p];
		bool known = ports_of_options(part, asked);

		for (size_t i = 0; !known && i < part->item_count; i++) {
			if (part->items[i].kind == EVENT_PORT)
				asked[part->items[i].port] = true;
		}
	}
	for (unsigned port = 0; port < PORTS; port++) {
		if (asked[port])
			ports[count++] = (uint16_t)port;
	}
	free(asked);
	merge->ports = (struct port_list){.ports = ports, .count = count};
	return true;
}

static void describe(struct merge *merge)
{
	const struct options *o = merge->options;
	const struct resume *first = merge->parts[0];
	const char *interface = first->runs[0].interface;
	struct addr source = first->runs[0].source;

	for (size_t p = 0; p < merge->part_count; p++) {
		for (size_t r = 0; r < merge->parts[p]->run_count; r++) {
			const struct resume_run *run = &merge->parts[p]->runs[r];

			if (strcmp(run->interface, interface) != 0)
				interface = "";
			if (!addr_equal(&run->source, &source))
				source = (struct addr){0};
		}
	}
	merge->info = (struct scan_info){
	        .version = NSCAN_VERSION,
	        .argc = o->argc,
	        .argv = o->argv,
	        .start_wall_ns = start_of(first) ? start_of(first) : live_wall_ns(),
	        .interface = *interface ? interface : NULL,
	        .source = source,
	        .seed = first->seed,
	        .ports = merge->ports.count ? &merge->ports : NULL,
	        .show_open_only = o->open_only,
	        .show_reason = o->reason,
	        .verbose = o->verbose,
	        .debug = o->debug,
	        .vendors = merge->vendors,
	};
}

static bool open_reports(struct merge *merge, struct err *err)
{
	const struct options *o = merge->options;

	merge->vendors = vendors_new(NULL, NULL);
	if (!merge->vendors)
		return err_set(err, ERR_SYSTEM, "out of memory while merging");
	describe(merge);
	merge->reports = reports_new(&merge->info, err);
	if (!merge->reports || (!options_stdout(o) && !reports_add(merge->reports, &report_normal, "-", false, err)))
		return false;
	for (size_t i = 0; i < o->output_count; i++) {
		if (!reports_add(merge->reports, o->outputs[i].format, o->outputs[i].path, false, err))
			return false;
	}
	return true;
}

/* What is known of one shard. The whole is shard 1 of 1. */
struct shard_word {
	bool seen;
	bool complete;  /* a scan of it came to its end */
	uint64_t hosts; /* how many it has; 0: no scan lived to tell */
};

static uint32_t shard_count(const struct resume_run *run)
{
	return shard_is_part(&run->shard) ? run->shard.count : 1;
}

/* Into how many shards the whole is parted: what most of the runs say that are shards at all. *mixed: they do not agree. */
static uint32_t count_shards(const struct merge *merge, bool *mixed)
{
	uint32_t count = 1;

	*mixed = false;
	for (size_t p = 0; p < merge->part_count; p++) {
		for (size_t r = 0; r < merge->parts[p]->run_count; r++) {
			uint32_t here = shard_count(&merge->parts[p]->runs[r]);

			*mixed |= here > 1 && count > 1 && here != count;
			count = here > count ? here : count;
		}
	}
	return count;
}

/* A run of the whole says something about every shard. */
static void take_words(const struct merge *merge, struct shard_word *words, uint32_t count, struct shard_word *whole)
{
	for (size_t p = 0; p < merge->part_count; p++) {
		for (size_t r = 0; r < merge->parts[p]->run_count; r++) {
			const struct resume_run *run = &merge->parts[p]->runs[r];
			const struct scan_summary *s = &run->summary;
			uint64_t hosts = s->hosts_up + s->hosts_down + s->hosts_unknown;
			struct shard_word *word = shard_count(run) == 1 ? whole : &words[run->shard.number - 1];

			if (shard_count(run) != 1 && shard_count(run) != count)
				continue;
			word->seen = true;
			word->complete |= run->ended && !s->partial;
			word->hosts = run->ended && hosts > word->hosts ? hosts : word->hosts;
		}
	}
}

/* "3/7, 5/7": shards that are in that state; a list that gets too long ends in dots. False when there is none. */
static bool name_shards(const struct shard_word *words, uint32_t count, bool seen, char list[WHY_BYTES])
{
	size_t used = 0;

	list[0] = '\0';
	for (uint32_t i = 0; i < count && used < WHY_BYTES / 3; i++) {
		if (words[i].seen == seen && !words[i].complete)
			used += (size_t)snprintf(list + used, WHY_BYTES - used, "%s%u/%u", used ? ", " : "", i + 1,
			                         count);
	}
	if (used >= WHY_BYTES / 3)
		strcpy(list + used, " ...");
	return used > 0;
}

static void say_why(struct merge *merge, const struct shard_word *words, uint32_t count)
{
	char missing[WHY_BYTES], unfinished[WHY_BYTES];
	bool some_missing = name_shards(words, count, false, missing);
	bool some_unfinished = name_shards(words, count, true, unfinished);

	snprintf(merge->why, WHY_BYTES, "%s%.70s%s%s%.70s", some_missing ? "no report of shard " : "", missing,
	         some_missing && some_unfinished ? "; " : "", some_unfinished ? "cut off before its end: shard " : "",
	         unfinished);
}

/* Finds out what is missing of the whole; *total is how many hosts that has, as far as it is known. */
static bool judge(struct merge *merge, const struct merge_count *found, uint64_t *total)
{
	bool mixed, settled = found->hosts_unknown == 0 && found->ports_unknown == 0;
	uint32_t count = count_shards(merge, &mixed);
	struct shard_word whole = {0}, *words = calloc(count, sizeof(*words));
	uint64_t sum = 0;
	bool complete = true;

	if (!words)
		return false;
	take_words(merge, words, count, &whole);
	for (uint32_t i = 0; count > 1 && i < count; i++) {
		complete &= words[i].complete;
		sum += words[i].hosts;
	}
	*total = sum > whole.hosts ? sum : whole.hosts;
	/* Several scans that were cut off may together have come to the end. */
	settled = settled && whole.hosts > 0 && whole.hosts <= found->hosts_up + found->hosts_down;
	if (whole.complete || settled || (count > 1 && complete))
		merge->why[0] = '\0';
	else if (mixed)
		snprintf(merge->why, WHY_BYTES, "these are shards of different splits");
	else if (count == 1)
		snprintf(merge->why, WHY_BYTES, "no scan came to its end");
	else
		say_why(merge, words, count);
	free(words);
	return true;
}

static void summarise(struct merge *merge, const struct merge_count *count, uint64_t total, struct scan_summary *out)
{
	uint64_t listed = count->hosts_up + count->hosts_down + count->hosts_unknown;
	int64_t start_ns = merge->info.start_wall_ns, end_ns = start_ns;

	*out = (struct scan_summary){
	        .hosts_up = count->hosts_up,
	        .hosts_down = count->hosts_down,
	        .hosts_unknown = count->hosts_unknown + (total > listed ? total - listed : 0),
	        .partial = merge->why[0] != '\0',
	        .partial_why = merge->why[0] ? merge->why : NULL,
	};
	for (size_t p = 0; p < merge->part_count; p++) {
		for (size_t r = 0; r < merge->parts[p]->run_count; r++) {
			const struct resume_run *run = &merge->parts[p]->runs[r];
			int64_t ended_ns = run->start_wall_ns + run->summary.elapsed_ns;

			end_ns = ended_ns > end_ns ? ended_ns : end_ns;
			out->sent += run->summary.sent;
			out->received += run->summary.received;
			out->rejected += run->summary.rejected;
			out->send_errors += run->summary.send_errors;
			out->kernel_drops += run->summary.kernel_drops;
		}
	}
	out->end_wall_ns = end_ns;
	out->elapsed_ns = end_ns - start_ns;
}

static bool merge_all(struct merge *merge, struct err *err)
{
	struct merge_count count;
	struct scan_summary summary;
	uint64_t total = 0;

	if (!overwrite_check(merge->options, &merge->options->targets, "--merge", err) || !read_parts(merge, err) ||
	    !list_ports(merge, err) || !open_reports(merge, err))
		return false;
	reports_begin(merge->reports);
	if (!merge_hosts(merge->parts, merge->part_count, merge->info.start_wall_ns, merge->reports, &count) ||
	    !judge(merge, &count, &total))
		return err_set(err, ERR_SYSTEM, "out of memory while merging; the reports are incomplete");
	summarise(merge, &count, total, &summary);
	reports_end(merge->reports, &summary);
	if (!reports_close(merge->reports, err))
		return false;
	if (merge->why[0])
		return err_set(err, ERR_OUTPUT, "the merged report is partial: %s", merge->why);
	return true;
}

bool merge_run(const struct options *options, struct err *err)
{
	struct merge merge = {.options = options};
	bool ok = merge_all(&merge, err);

	reports_free(merge.reports);
	vendors_free(merge.vendors);
	free(merge.ports.ports);
	for (size_t i = 0; i < merge.part_count; i++)
		resume_free(merge.parts[i]);
	free(merge.parts);
	return ok;
}
