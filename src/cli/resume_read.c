/* resume_read.c: the -oJ file of an earlier run becomes its command line and a sorted index of what it found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "resume_internal.h"

enum { LINE_MOST = 16 << 20, RUNS_MOST = 100000, ARGS_MOST = 100000, RANGES_MOST = 1 << 22 };

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while reading what an earlier scan wrote");
}

/* What is wrong with the file, in one line. */
static bool wrong(const struct resume *resume, struct err *err, const char *what)
{
	return err_set(err, ERR_USAGE, "%s %s: %s; give the -oJ file of the scan", resume->option, resume->path, what);
}

static bool add_item(struct resume *resume, const struct event *event, uint64_t offset, struct err *err)
{
	struct resume_item *item;

	if (resume->item_count == resume->item_room) {
		size_t room = resume->item_room ? resume->item_room * 2 : 256;
		struct resume_item *grown = realloc(resume->items, room * sizeof(*grown));

		if (!grown)
			return no_memory(err);
		resume->items = grown;
		resume->item_room = room;
	}
	item = &resume->items[resume->item_count++];
	*item = (struct resume_item){
	        .addr = event->addr, .kind = (uint8_t)event->kind, .offset = offset, .index = event->index};
	if (event->kind == EVENT_HOST) {
		item->state = (uint8_t)event->u.host.state;
	} else if (event->kind == EVENT_PORT) {
		item->state = (uint8_t)event->u.port.state;
		item->port = event->u.port.port;
	} else if (event->kind == EVENT_NOTE) {
		item->port = event->u.note.port;
	}
	return true;
}

/* A sweep's line on many addresses: one item for each. */
static bool add_range(struct resume *resume, const json_t *object, uint64_t offset, struct err *err)
{
	struct event event;
	int64_t count = json_integer_value(json_object_get(object, "addresses"));

	if (!resume_event_parse(resume, object, &event) || count < 1)
		return true;
	if (count > RANGES_MOST - resume->range_addresses)
		return wrong(resume, err,
		             "it lists more than 4194304 addresses as ranges, too many to merge; scan in shards");
	resume->range_addresses += count;
	for (int64_t i = 0; i < count; i++) {
		if (!add_item(resume, &event, offset, err))
			return false;
		if (!addr_increment(&event.addr))
			break;
	}
	return true;
}

/* "2026-01-31T12:00:00.123Z"; 0 when it is anything else. */
static int64_t read_time(const char *text)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int milliseconds = 0;
	time_t seconds = rest ? timegm(&tm) : 0;

	if (rest && *rest == '.')
		sscanf(rest, ".%3d", &milliseconds);
	return seconds > 0 && seconds < INT64_C(1) << 33
	               ? (int64_t)seconds * 1000000000 + milliseconds * INT64_C(1000000)
	               : 0;
}

static bool add_run(struct resume *resume, const json_t *object, struct err *err)
{
	const char *interface = json_string_value(json_object_get(object, "interface"));
	const char *source = json_string_value(json_object_get(object, "source"));
	const char *shard = json_string_value(json_object_get(object, "shard"));
	struct resume_run *grown, *run;

	if (resume->run_count == RUNS_MOST)
		return wrong(resume, err, "it has more scan lines than any scan writes");
	grown = realloc(resume->runs, (resume->run_count + 1) * sizeof(*grown));
	if (!grown)
		return no_memory(err);
	resume->runs = grown;
	run = &grown[resume->run_count++];
	*run = (struct resume_run){.start_wall_ns = read_time(json_string_value(json_object_get(object, "start")))};
	if (interface)
		snprintf(run->interface, sizeof(run->interface), "%s", interface);
	if (source)
		addr_parse(source, &run->source);
	if (shard)
		shard_parse(shard, &run->shard);
	return true;
}

static uint64_t count_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static void read_summary(struct resume *resume, const json_t *object)
{
	struct resume_run *run = resume->run_count ? &resume->runs[resume->run_count - 1] : NULL;
	double elapsed_s = json_number_value(json_object_get(object, "elapsed_s"));

	resume->complete = json_is_false(json_object_get(object, "partial"));
	if (!run)
		return;
	run->ended = true;
	run->summary = (struct scan_summary){
	        .elapsed_ns = elapsed_s > 0 && elapsed_s < 1e9 ? (int64_t)(elapsed_s * 1e9) : 0,
	        .hosts_up = count_of(object, "hosts_up"),
	        .hosts_down = count_of(object, "hosts_down"),
	        .hosts_unknown = count_of(object, "hosts_unknown"),
	        .sent = count_of(object, "sent"),
	        .received = count_of(object, "received"),
	        .rejected = count_of(object, "rejected"),
	        .send_errors = count_of(object, "send_errors"),
	        .kernel_drops = count_of(object, "kernel_drops"),
	        .partial = !resume->complete,
	};
}

/* The scan line: how nscan was called. A file that was resumed before has several, all alike. */
static bool read_scan_line(struct resume *resume, const json_t *object, struct err *err)
{
	const json_t *args = json_object_get(object, "args");
	const json_t *seed = json_object_get(object, "seed");
	size_t count = json_array_size(args);

	if (!add_run(resume, object, err))
		return false;
	if (resume->args)
		return true;
	if (count == 0 || count > ARGS_MOST || !json_is_integer(seed))
		return wrong(resume, err, "its scan line has no args or no seed");
	resume->args = calloc(count + 1, sizeof(*resume->args));
	if (!resume->args)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(args, i));

		resume->args[i] = strdup(text ? text : "");
		if (!resume->args[i])
			return no_memory(err);
		resume->arg_count++;
	}
	resume->seed = (uint64_t)json_integer_value(seed);
	return true;
}

static bool take_object(struct resume *resume, const json_t *object, uint64_t offset, struct err *err)
{
	const char *type = json_string_value(json_object_get(object, "type"));
	struct event event;

	resume->complete = false;
	if (type && strcmp(type, "scan") == 0)
		return read_scan_line(resume, object, err);
	if (type && strcmp(type, "summary") == 0)
		read_summary(resume, object);
	else if (type && strcmp(type, "range") == 0) /* a sweep that goes on asks these again: that is quick */
		return strcmp(resume->option, "--merge") != 0 || add_range(resume, object, offset, err);
	else if (resume_event_parse(resume, object, &event))
		return add_item(resume, &event, offset, err);
	return true; /* a kind of line that a later version writes */
}

/* The next line with its end, as getline: its length, 0 at the end of the file, -1 when memory ran out. Of a line that is longer than
 * any that nscan writes only a part is read, which is no JSON. */
static ssize_t read_line(struct resume *resume)
{
	size_t n = 0;
	int c;

	while (n < LINE_MOST && (c = getc_unlocked(resume->file)) != EOF) {
		if (n + 1 >= resume->line_room) {
			size_t room = resume->line_room ? resume->line_room * 2 : 512;
			char *grown = realloc(resume->line, room);

			if (!grown)
				return -1;
			resume->line = grown;
			resume->line_room = room;
		}
		resume->line[n++] = (char)c;
		if (c == '\n')
			break;
	}
	return (ssize_t)n;
}

/* Reads line by line. Only the last one may be broken: the run was cut off while writing it. */
static bool read_lines(struct resume *resume, struct err *err)
{
	uint64_t broken_line = 0;
	uint64_t number = 0;
	ssize_t n;

	while ((n = read_line(resume)) > 0) {
		uint64_t offset = resume->file_bytes;
		json_t *object = NULL;
		bool ok;

		number++;
		resume->file_bytes += (uint64_t)n;
		if (broken_line)
			break;
		if (resume->line[n - 1] == '\n')
			object = json_loadb(resume->line, (size_t)n, 0, NULL);
		if (!json_is_object(object)) {
			json_decref(object);
			broken_line = number;
			continue;
		}
		ok = take_object(resume, object, offset, err);
		json_decref(object);
		if (!ok)
			return false;
		resume->good_bytes = resume->file_bytes;
	}
	if (n < 0)
		return no_memory(err);
	if (ferror(resume->file))
		return wrong(resume, err, strerror(errno));
	if (broken_line && broken_line < number) {
		char what[64];

		snprintf(what, sizeof(what), "line %llu is not JSON", (unsigned long long)broken_line);
		return wrong(resume, err, what);
	}
	if (!resume->args)
		return wrong(resume, err, "has no line of type \"scan\"");
	return true;
}

/* By address, kind and port; equal ones stay in the order of the file. */
static int compare_items(const void *a, const void *b)
{
	const struct resume_item *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	if (order == 0)
		order = (x->kind > y->kind) - (x->kind < y->kind);
	if (order == 0)
		order = (x->port > y->port) - (x->port < y->port);
	if (order == 0)
		order = (x->offset > y->offset) - (x->offset < y->offset);
	return order;
}

static bool same_subject(const struct resume_item *a, const struct resume_item *b)
{
	return a->kind != EVENT_NOTE && a->kind == b->kind && a->port == b->port && addr_equal(&a->addr, &b->addr);
}

/* Sorts, keeps the last word on each subject, and finds where each host begins. */
static bool index_items(struct resume *resume, struct err *err)
{
	size_t kept = 0;

	if (resume->item_count == 0)
		return true;
	qsort(resume->items, resume->item_count, sizeof(*resume->items), compare_items);
	for (size_t i = 0; i < resume->item_count; i++) {
		if (kept > 0 && same_subject(&resume->items[kept - 1], &resume->items[i]))
			kept--;
		resume->items[kept++] = resume->items[i];
	}
	resume->item_count = kept;
	for (size_t i = 0; i < kept; i++)
		resume->host_count += i == 0 || !addr_equal(&resume->items[i - 1].addr, &resume->items[i].addr);
	resume->hosts = calloc(resume->host_count, sizeof(*resume->hosts));
	if (!resume->hosts)
		return no_memory(err);
	for (size_t i = 0, host = 0; i < kept; i++) {
		if (i > 0 && !addr_equal(&resume->items[i - 1].addr, &resume->items[i].addr))
			host++;
		if (resume->hosts[host].count++ == 0)
			resume->hosts[host].first = i;
	}
	return true;
}

struct resume *resume_read_file(FILE *file, const char *option, const char *path, struct err *err)
{
	struct resume *resume = calloc(1, sizeof(*resume));

	if (!resume) {
		fclose(file);
		no_memory(err);
		return NULL;
	}
	resume->option = option;
	resume->path = path;
	resume->file = file;
	if (read_lines(resume, err) && index_items(resume, err))
		return resume;
	resume_free(resume);
	return NULL;
}

struct resume *resume_read(const char *path, const char *option, struct err *err)
{
	struct resume named = {.option = option, .path = path};
	FILE *file = fopen(path, "re");
	struct stat status;

	if (!file) {
		wrong(&named, err, strerror(errno));
		return NULL;
	}
	if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode))
		return resume_read_file(file, option, path, err);
	fclose(file);
	wrong(&named, err, "is not a regular file");
	return NULL;
}

void resume_free(struct resume *resume)
{
	if (!resume)
		return;
	if (resume->file)
		fclose(resume->file);
	free(resume->line);
	for (int i = 0; i < resume->arg_count; i++)
		free(resume->args[i]);
	free(resume->args);
	free(resume->items);
	free(resume->hosts);
	free(resume->ranks);
	for (size_t i = 0; i < resume->word_count; i++)
		free(resume->words[i]);
	free(resume->words);
	free(resume->name);
	free(resume->vendor);
	free(resume->runs);
	free(resume);
}
