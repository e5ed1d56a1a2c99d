/* target_input.c: targets and exclusions from the command line, from files and from standard input. */
#include "target_input.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "overwrite.h"
#include "resolve.h"

/* Names are what they were when a record is played back, and go into the record when one is made. */
static bool resolve_name(void *context, const char *name, struct addr *out, struct err *err)
{
	struct scan *scan = context;

	if (scan->playback)
		return facts_name(scan->playback->facts, name, out) ||
		       err_set(err, ERR_SYSTEM, "the record does not say what %.200s was", name);
	if (!system_resolver.resolve(system_resolver.context, name, out, err))
		return false;
	if (scan->facts)
		facts_add_name(scan->facts, name, out);
	return true;
}

/* All of a file, for the record. */
static bool add_recorded(struct target_set *set, FILE *file, const char *name, const struct resolver *resolver,
                         struct facts *facts, struct err *err)
{
	char *text = NULL, part[4096];
	size_t size = 0, n;
	FILE *copy = open_memstream(&text, &size);
	bool ok = copy != NULL;

	while (ok && (n = fread(part, 1, sizeof(part), file)) > 0)
		ok = fwrite(part, 1, n, copy) == n;
	if (copy)
		ok = fclose(copy) == 0 && ok;
	if (!ok) {
		free(text);
		return err_set(err, ERR_SYSTEM, "out of memory while reading the targets");
	}
	facts_add_file(facts, text, size);
	copy = size > 0 ? fmemopen(text, size, "r") : NULL;
	if (copy) {
		ok = target_set_add_stream(set, copy, name, resolver, err);
		fclose(copy);
	}
	free(text);
	return ok;
}

/* A file as the record has it. */
static bool add_played(struct target_set *set, const char *name, const struct resolver *resolver, struct facts *facts,
                       struct err *err)
{
	size_t n = 0;
	const char *text = facts_next_file(facts, &n);
	FILE *copy = text && n > 0 ? fmemopen((void *)(uintptr_t)text, n, "r") : NULL;
	bool ok = text != NULL || err_set(err, ERR_SYSTEM, "the record does not say what was in %.200s", name);

	if (copy) {
		ok = target_set_add_stream(set, copy, name, resolver, err);
		fclose(copy);
	}
	return ok;
}

/* Adds what a file of targets lists; "-" is standard input. `scan` may be NULL: neither recorded nor played back. */
static bool add_file(struct target_set *set, const char *path, const char *option, const struct resolver *resolver,
                     struct scan *scan, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	FILE *file;
	bool ok;

	if (scan && scan->playback)
		return add_played(set, name, resolver, scan->playback->facts, err);
	file = is_stdin ? stdin : fopen(path, "re");

	if (!file)
		return err_set(err, ERR_USAGE, "%s %s: %s; give a file of targets that can be read", option, path,
		               strerror(errno));
	if (scan && scan->facts)
		ok = add_recorded(set, file, name, resolver, scan->facts, err);
	else
		ok = target_set_add_stream(set, file, name, resolver, err);
	if (ok && ferror(file))
		ok = err_set(err, ERR_USAGE, "%s %s: %s; give a file of targets that can be read", option, path,
		             strerror(errno));
	if (!is_stdin)
		fclose(file);
	return ok;
}

/* --exclude A,B,C: the same syntax as a line of a file. */
static bool add_exclude(struct target_set *set, const char *text, const struct resolver *resolver, struct err *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool ok;

	if (!file)
		return err_set(err, ERR_SYSTEM, "out of memory while reading the targets");
	ok = target_set_add_stream(set, file, "--exclude", resolver, err);
	fclose(file);
	return ok;
}

static bool read_excludes(const struct options *o, struct target_set *exclude, const struct resolver *resolver,
                          struct scan *scan, struct err *err)
{
	for (size_t i = 0; i < o->excludes.count; i++) {
		if (!add_exclude(exclude, o->excludes.texts[i], resolver, err))
			return false;
	}
	for (size_t i = 0; i < o->exclude_files.count; i++) {
		if (!add_file(exclude, o->exclude_files.texts[i], "--excludefile", resolver, scan, err))
			return false;
	}
	return true;
}

/* `scan` may be NULL: neither recorded nor played back. */
static bool read_all(const struct options *o, struct target_set *targets, struct target_set *exclude,
                     const struct resolver *resolver, struct scan *scan, struct err *err)
{
	for (size_t i = 0; i < o->targets.count; i++) {
		if (!target_set_add(targets, o->targets.texts[i], resolver, err))
			return false;
	}
	for (size_t i = 0; i < o->target_files.count; i++) {
		if (!add_file(targets, o->target_files.texts[i], "-iL", resolver, scan, err))
			return false;
	}
	return read_excludes(o, exclude, resolver, scan, err);
}

bool target_input_select(const struct options *o, struct target_set *targets, struct target_set *exclude,
                         struct err *err)
{
	return read_all(o, targets, exclude, &system_resolver, NULL, err);
}

bool target_input_read(struct scan *scan, struct err *err)
{
	const struct resolver resolver = {resolve_name, scan};
	struct target_cursor cursor = {0};
	struct addr first;

	scan->targets = target_set_new();
	scan->exclude = target_set_new();
	if (!scan->targets || !scan->exclude)
		return err_set(err, ERR_SYSTEM, "out of memory while reading the targets");
	/* A record that is played back has its lists with it. */
	if (!scan->playback && (!overwrite_check(scan->options, &scan->options->target_files, "-iL", err) ||
	                        !overwrite_check(scan->options, &scan->options->exclude_files, "--excludefile", err)))
		return false;
	if (!read_all(scan->options, scan->targets, scan->exclude, &resolver, scan, err))
		return false;
	if (target_set_has_family(scan->targets, 6))
		return err_set(err, ERR_USAGE, "IPv6 scanning is not available yet; give IPv4 targets");
	if (!target_next(scan->targets, scan->exclude, &cursor, &first))
		return err_set(err, ERR_USAGE, "no targets are left: the list is empty, or every target is excluded");
	return true;
}
