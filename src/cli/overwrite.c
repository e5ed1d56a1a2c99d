/* overwrite.c: files that are read and written at once. */
#include "overwrite.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool is_same_file(const char *input, const char *output)
{
	struct stat in, out;
	bool found = strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &in) == 0 : stat(input, &in) == 0;

	/* Devices and pipes may be shared. */
	return found && S_ISREG(in.st_mode) && strcmp(output, "-") != 0 && stat(output, &out) == 0 &&
	       in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

static bool check_one(const char *output, const struct text_list *inputs, const char *option, struct err *err)
{
	for (size_t i = 0; i < inputs->count; i++) {
		if (is_same_file(inputs->texts[i], output))
			return err_set(err, ERR_USAGE,
			               "%.200s: is to be read (%s) and written over; name another output", output,
			               option);
	}
	return true;
}

bool overwrite_check(const struct options *options, const struct text_list *inputs, const char *option, struct err *err)
{
	for (size_t i = 0; i < options->output_count; i++) {
		if (!options->outputs[i].append && !check_one(options->outputs[i].path, inputs, option, err))
			return false;
	}
	return !options->record || check_one(options->record, inputs, option, err);
}
