/* read.c: -r: whose capture it is decides who reads it. */
#include "read.h"

#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "overwrite.h"
#include "playback.h"

/* nscan -r *.pcap: the shell makes targets of all but the first. */
static bool check_targets(const struct options *options, struct err *err)
{
	for (size_t i = 0; i < options->targets.count; i++) {
		const char *text = options->targets.texts[i];

		if (text[strspn(text, "0123456789abcdef.,-*/:")] != '\0' && access(text, F_OK) == 0)
			return err_set(err, ERR_USAGE,
			               "%.200s: stands among the targets, but is a file; put -r before each capture",
			               text);
	}
	return true;
}

int read_main(const struct options *options)
{
	struct err err = {0};
	struct capture_file *first = NULL;

	if (overwrite_check(options, &options->captures, "-r", &err) && check_targets(options, &err))
		first = capture_file_open(options->captures.texts[0], &err);
	if (!first)
		return fail(&err);
	if (options->captures.count == 1 && journal_is_record(first))
		return playback_main(options, first);
	return observe_main(options, first);
}
