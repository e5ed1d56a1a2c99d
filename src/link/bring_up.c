/* bring_up.c: libpcap comes up in a thread of its own, while the first probes are already on their way. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

struct bring_up {
	struct capture_options options;
	pthread_t thread;
	int done; /* eventfd */
	struct capture *capture;
	struct err err;
};

static void *thread_main(void *context)
{
	struct bring_up *b = context;

	b->capture = capture_open(&b->options, &b->err);
	/* Cannot fail: the counter is far from full. */
	(void)!write(b->done, &(uint64_t){1}, sizeof(uint64_t));
	return NULL;
}

/* Signals are for the thread that waits for them. */
static int create_thread(struct bring_up *b)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&b->thread, NULL, thread_main, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

struct bring_up *bring_up_start(const struct capture_options *options)
{
	struct bring_up *b = calloc(1, sizeof(*b));
	int error;

	if (!b)
		return NULL;
	b->options = *options;
	b->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = b->done < 0 ? errno : create_thread(b);
	if (!error)
		return b;
	if (b->done >= 0)
		close(b->done);
	free(b);
	errno = error;
	return NULL;
}

int bring_up_fd(const struct bring_up *b)
{
	return b->done;
}

struct capture *bring_up_finish(struct bring_up *b, struct err *err)
{
	struct capture *capture;

	if (!b)
		return NULL;
	pthread_join(b->thread, NULL);
	capture = b->capture;
	if (!capture && err)
		*err = b->err;
	close(b->done);
	free(b);
	return capture;
}
