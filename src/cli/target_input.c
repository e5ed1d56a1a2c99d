/* target_input.c: targets and exclusions from the command line, from files and from standard input. */
#include "target_input.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "resolve.h"

/* Adds what a file of targets lists; "-" is standard input. */
static bool add_file(struct target_set *set, const char *path, const char *option, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	bool ok;

	if (!file)
		return err_set(err, ERR_USAGE, "%s %s: %s; give a file of targets that can be read", option, path,
		               strerror(errno));
	ok = target_set_add_stream(set, file, is_stdin ? "standard input" : path, &system_resolver, err);
	if (ok && ferror(file))
		ok = err_set(err, ERR_USAGE, "%s %s: %s; give a file of targets that can be read", option, path,
		             strerror(errno));
	if (!is_stdin)
		fclose(file);
	return ok;
}

/* --exclude A,B,C: the same syntax as a line of a file. */
static bool add_exclude(struct target_set *set, const char *text, struct err *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool ok;

	if (!file)
		return err_set(err, ERR_SYSTEM, "out of memory while reading the targets");
	ok = target_set_add_stream(set, file, "--exclude", &system_resolver, err);
	fclose(file);
	return ok;
}

static bool read_excludes(const struct options *o, struct target_set *exclude, struct err *err)
{
	for (size_t i = 0; i < o->excludes.count; i++) {
		if (!add_exclude(exclude, o->excludes.texts[i], err))
			return false;
	}
	for (size_t i = 0; i < o->exclude_files.count; i++) {
		if (!add_file(exclude, o->exclude_files.texts[i], "--excludefile", err))
			return false;
	}
	return true;
}

bool target_input_select(const struct options *o, struct target_set *targets, struct target_set *exclude,
                         struct err *err)
{
	for (size_t i = 0; i < o->targets.count; i++) {
		if (!target_set_add(targets, o->targets.texts[i], &system_resolver, err))
			return false;
	}
	for (size_t i = 0; i < o->target_files.count; i++) {
		if (!add_file(targets, o->target_files.texts[i], "-iL", err))
			return false;
	}
	return read_excludes(o, exclude, err);
}

bool target_input_read(struct scan *scan, struct err *err)
{
	struct target_cursor cursor = {0};
	struct addr first;

	scan->targets = target_set_new();
	scan->exclude = target_set_new();
	if (!scan->targets || !scan->exclude)
		return err_set(err, ERR_SYSTEM, "out of memory while reading the targets");
	if (!target_input_select(scan->options, scan->targets, scan->exclude, err))
		return false;
	if (target_set_has_family(scan->targets, 6))
		return err_set(err, ERR_USAGE, "IPv6 scanning is not available yet; give IPv4 targets");
	if (!target_next(scan->targets, scan->exclude, &cursor, &first))
		return err_set(err, ERR_USAGE, "no targets are left: the list is empty, or every target is excluded");
	return true;
}
