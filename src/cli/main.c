/* main.c: from argv to an exit status. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "echo_run.h"
#include "fail.h"
#include "iflist.h"
#include "merge.h"
#include "nscan/live.h"
#include "nscan/options.h"
#include "overwrite.h"
#include "payload_options.h"
#include "ping_run.h"
#include "read.h"
#include "scan.h"
#include "wait_run.h"
#include "watch_run.h"

/* For what is printed without a scan: the text arrived, or it did not. */
static int finish_stdout(void)
{
	struct err err;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	err_set(&err, ERR_OUTPUT, "cannot write to standard output; what is missing there is lost");
	return fail(&err);
}

static int show_interfaces(void)
{
	struct network network = {0};
	struct err err = {0};

	if (!network_read(&network, &err))
		return fail(&err);
	iflist_print(&network, stdout);
	network_free(&network);
	return finish_stdout();
}

static int show_payloads(const struct options *options)
{
	struct err err;

	if (payload_options_list(options, stdout))
		return finish_stdout();
	err_set(&err, ERR_SYSTEM, "out of memory");
	return fail(&err);
}

static int scan_main(const struct options *options, struct resume *resume)
{
	struct scan *scan = malloc(sizeof(*scan));
	struct err err = {0};
	int status;

	if (!scan) {
		err_set(&err, ERR_SYSTEM, "out of memory while starting the scan");
		return fail(&err);
	}
	if (scan_open(scan, options, resume, NULL, &err))
		scan_run(scan);
	else
		scan->status = fail(&err);
	scan_close(scan);
	status = scan->status;
	free(scan);
	return status;
}

/* What was written of the scan's beginning stays: its report, which is gone on with, and its record, which can be played back. */
static bool spares_beginning(const struct options *options, const char *report, const char *record, struct err *err)
{
	if (!record || (!is_same_file(report, record) && (!options->record || !is_same_file(options->record, record))))
		return true;
	return err_set(err, ERR_USAGE, "-w %s: holds the beginning of the scan; name another file", record);
}

/* --resume: the command line of the earlier run, without what it has settled. */
static int resume_main(const char *path, const char *record)
{
	struct options options = {0};
	struct err err = {0};
	struct resume *resume = resume_read(path, "--resume", &err);
	int status;

	if (!resume || !resume_options(resume, &options, &err) || !spares_beginning(&options, path, record, &err)) {
		status = fail(&err);
	} else if (resume_is_complete(resume)) {
		say_line("%s: that scan was complete; there is nothing left to ask", path);
		status = 0;
	} else {
		if (options.record && !record)
			say_line("what is left to ask is not recorded; -w FILE beside --resume captures its packets");
		options.record = record;
		status = scan_main(&options, resume);
	}
	options_free(&options);
	resume_free(resume);
	return status;
}

/* A standard stream that the caller closed must not come to be a socket of ours, with a report written into it. What is
 * opened instead cannot be used the way that stream would be: writing there is told as an error. */
static bool fill_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = {0};
	int status = 0;

	if (!fill_standard_streams())
		return exit_status(ERR_SYSTEM);
	if (!options_parse(argc, argv, &options, &err)) {
		options_free(&options);
		return fail(&err);
	}
	switch (options_action(&options)) {
	case ACTION_HELP:
		options_help(stdout);
		status = finish_stdout();
		break;
	case ACTION_VERSION:
		puts("nscan " NSCAN_VERSION);
		status = finish_stdout();
		break;
	case ACTION_IFLIST:
		status = show_interfaces();
		break;
	case ACTION_PAYLOADS:
		status = show_payloads(&options);
		break;
	case ACTION_RESUME:
		status = resume_main(options.resume, options.record);
		break;
	case ACTION_READ:
		status = read_main(&options);
		break;
	case ACTION_PING:
		status = ping_main(&options);
		break;
	case ACTION_ECHO:
		status = echo_main(&options);
		break;
	case ACTION_MERGE:
		status = merge_run(&options, &err) ? 0 : fail(&err);
		break;
	case ACTION_WAIT:
		status = wait_main(&options);
		break;
	case ACTION_WATCH:
		status = watch_main(&options);
		break;
	case ACTION_SCAN:
		status = scan_main(&options, NULL);
		break;
	}
	options_free(&options);
	return status;
}
