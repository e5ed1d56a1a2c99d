/* resume_read.c: the -oJ file of an earlier run becomes its command line and a sorted index of what it found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "resume_internal.h"

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while reading the file to resume");
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
	*item = (struct resume_item){.addr = event->addr, .kind = (uint8_t)event->kind, .offset = offset};
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

/* The scan line: how nscan was called. A file that was resumed before has several, all alike. */
static bool read_scan_line(struct resume *resume, const json_t *object, struct err *err)
{
	const json_t *args = json_object_get(object, "args");
	const json_t *seed = json_object_get(object, "seed");
	size_t count = json_array_size(args);

	if (resume->args)
		return true;
	if (count == 0 || count > 100000 || !json_is_integer(seed))
		return err_set(err, ERR_USAGE,
		               "--resume %s: its scan line has no args or no seed; this is no file of nscan -oJ",
		               resume->path);
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
		resume->complete = json_is_false(json_object_get(object, "partial"));
	else if (resume_event_parse(resume, object, &event))
		return add_item(resume, &event, offset, err);
	return true; /* a kind of line that a later version writes */
}

/* Reads line by line. Only the last one may be broken: the run was cut off while writing it. */
static bool read_lines(struct resume *resume, struct err *err)
{
	uint64_t broken_line = 0;
	uint64_t number = 0;
	ssize_t n;

	while ((n = getline(&resume->line, &resume->line_room, resume->file)) > 0) {
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
	if (ferror(resume->file))
		return err_set(err, ERR_USAGE, "--resume %s: %s; give the -oJ file of the scan", resume->path,
		               strerror(errno));
	if (broken_line && broken_line < number)
		return err_set(err, ERR_USAGE, "--resume %s: line %llu is not JSON; give the -oJ file of the scan",
		               resume->path, (unsigned long long)broken_line);
	if (!resume->args)
		return err_set(err, ERR_USAGE,
		               "--resume %s: has no line of type \"scan\"; give the -oJ file of the scan",
		               resume->path);
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

struct resume *resume_read(const char *path, struct err *err)
{
	struct resume *resume = calloc(1, sizeof(*resume));
	struct stat status;

	if (!resume) {
		no_memory(err);
		return NULL;
	}
	resume->path = path;
	resume->file = fopen(path, "re");
	if (!resume->file)
		err_set(err, ERR_USAGE, "--resume %s: %s; give the -oJ file of the scan", path, strerror(errno));
	else if (fstat(fileno(resume->file), &status) != 0 || !S_ISREG(status.st_mode))
		err_set(err, ERR_USAGE, "--resume %s: is not a regular file; give the -oJ file of the scan", path);
	else if (read_lines(resume, err) && index_items(resume, err))
		return resume;
	resume_free(resume);
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
	free(resume);
}
