/* echo_run.c: the loop of --echo-server. What is answered is decided in nscan/echo.h. */
#include "echo_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"
#include "interrupt.h"
#include "nscan/echo_socket.h"
#include "nscan/live.h"
#include "rights.h"

struct echo_run {
	const struct options *options;
	struct echo_sockets *sockets;
	struct echo *echo;
	sigset_t wait_mask;
	int64_t stop_ns;
};

static bool on_request(void *context, const struct echo_request *request, int64_t now_ns)
{
	struct echo_run *run = context;
	char text[ADDR_TEXT_BYTES];
	bool is_new, answered = echo_take(run->echo, request, now_ns, &is_new);

	if (is_new && run->options->verbose > 0) {
		interrupts_release();
		printf("%s asks port %u from port %u\n", addr_format(&request->src, text), request->dst_port,
		       request->src_port);
		fflush(stdout);
	}
	return answered;
}

static void say_begin(const struct echo_run *run)
{
	const struct options *o = run->options;
	char *ports = port_list_format(&o->echo_ports);

	printf("Answering nscan --ping on UDP port%s %s, at most %g a second, %d to one source; Ctrl-C ends it\n",
	       o->echo_ports.count == 1 ? "" : "s", ports ? ports : "?", o->max_rate > 0 ? o->max_rate : ECHO_RATE,
	       ECHO_SOURCE_RATE);
	fflush(stdout);
	free(ports);
}

static void say_end(const struct echo_run *run)
{
	const struct echo_counts *c = echo_counted(run->echo);
	const struct {
		uint64_t count;
		const char *words;
	} rows[] = {
	        {c->foreign, "not from nscan --ping"},
	        {c->answers, "answers of another echo server"},
	        {c->broadcasts, "sent to a broadcast or multicast address"},
	        {c->over_source, "above the limit for one source"},
	        {c->over_all, "above the limit for all"},
	        {echo_sockets_unsent(run->sockets), "whose answer the kernel would not send"},
	};

	printf("\n%" PRIu64 " datagrams received, %" PRIu64 " answered (%" PRIu64 " bytes)", c->received, c->answered,
	       c->answered_bytes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].count > 0)
			printf(", %" PRIu64 " %s", rows[i].count, rows[i].words);
	}
	putchar('\n');
}

/* Not every kernel refuses to bind an address that the machine does not have. */
static bool check_source(const struct options *options, struct err *err)
{
	struct network network = {0};
	char text[ADDR_TEXT_BYTES];
	bool found = false;

	if (!addr_is_set(&options->source))
		return true;
	if (!network_read(&network, err))
		return false;
	for (size_t i = 0; i < network.route_count; i++)
		found |= network.routes[i].kind == ROUTE_LOCAL &&
		         addr_in_prefix(&options->source, &network.routes[i].prefix, network.routes[i].prefix_bits);
	network_free(&network);
	return found || err_set(err, ERR_SYSTEM, "-S %s: this machine has no such address (--iflist shows what it has)",
	                        addr_format(&options->source, text));
}

static bool open_run(struct echo_run *run, struct err *err)
{
	const struct options *o = run->options;
	uint8_t key[HASH_KEY_BYTES];

	if (!check_source(o, err) || !live_random(key, sizeof(key), err))
		return false;
	run->echo = echo_new(o->max_rate, key, err);
	if (!run->echo)
		return false;
	run->sockets = echo_sockets_open(&o->echo_ports, &o->source, o->interface, err);
	if (!run->sockets || !rights_drop_all(err))
		return false;
	interrupts_catch(&run->wait_mask);
	run->stop_ns = o->max_time_ns ? echo_sockets_now() + o->max_time_ns : INT64_MAX;
	return true;
}

static bool serve(struct echo_run *run, struct err *err)
{
	bool ok = true;

	while (ok && interrupts_seen() == 0 && echo_sockets_now() < run->stop_ns) {
		interrupts_hold();
		if (interrupts_seen() == 0)
			ok = echo_sockets_serve(run->sockets, run->stop_ns, &run->wait_mask, on_request, run, err);
		interrupts_release();
	}
	return ok;
}

int echo_main(const struct options *options)
{
	struct echo_run run = {.options = options};
	struct err err = {0};
	int status = 0;

	if (!open_run(&run, &err)) {
		status = fail(&err);
	} else {
		say_begin(&run);
		if (!serve(&run, &err))
			status = fail(&err);
		interrupts_finish();
		say_end(&run);
		if (fflush(stdout) != 0 || ferror(stdout))
			status = 1;
	}
	echo_sockets_close(run.sockets);
	echo_free(run.echo);
	return status;
}
