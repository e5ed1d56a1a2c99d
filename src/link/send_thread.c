/* send_thread.c: where very many packets leave one interface, a thread of its own puts them on the wire.
 *
 * The reason is a measurement: with a million hosts answering behind a veth pair the kernel spends 4 of 5 s inside sendmmsg, while
 * building, decoding and reporting take more than 1 s; one after the other that is 1.45 times a bare sendmmsg loop, side by
 * side 1.1 times. The engine, the capture and the reports stay in the one loop: the thread knows nothing but finished
 * packets. A few batches go round. When most of them are on their way, the loop sends one itself, so that both processors send (0.9
 * times the bare loop); where packets must not overtake each other it waits instead. Either way it feels the link's speed. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

enum {
	BATCHES = 8,
	BATCHES_LEFT = 4 /* when none is free, the loop sleeps until so many are on their way */,
	BATCHES_AHEAD = 6 /* with so many on their way the loop sends one itself */
};

struct failed_send {
	uint64_t cookie;
	int error;
};

struct batch {
	struct send_queue queue;
	struct failed_send failed[SEND_QUEUE_SLOTS]; /* told when the batch comes back */
	size_t failed_count;
};

struct send_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t came;  /* a batch was given */
	pthread_cond_t freed; /* batches came back */
	bool wants;           /* the loop waits for that */
	struct batch *batches;
	uint64_t given; /* number n is batches[n % BATCHES]; guarded by the lock, as are the next two */
	uint64_t sent;
	bool stop;
	int to_close;
	bool may_overtake;
	uint64_t taken;           /* batches whose failures have been told; the loop's own */
	struct send_queue *queue; /* being filled; NULL: none yet; the loop's own */
};

static void note_failure(void *context, uint64_t cookie, int error)
{
	struct batch *batch = context;

	batch->failed[batch->failed_count++] = (struct failed_send){cookie, error};
}

static void *thread_main(void *context)
{
	struct send_thread *t = context;

	if (t->to_close >= 0)
		close(t->to_close); /* may wait for a grace period */
	pthread_mutex_lock(&t->lock);
	for (;;) {
		struct batch *batch = &t->batches[t->sent % BATCHES];

		while (t->sent == t->given && !t->stop)
			pthread_cond_wait(&t->came, &t->lock);
		if (t->sent == t->given)
			break;
		pthread_mutex_unlock(&t->lock);
		send_queue_flush(&batch->queue, note_failure, batch);
		pthread_mutex_lock(&t->lock);
		t->sent++;
		if (t->wants && t->given - t->sent <= BATCHES_LEFT) {
			t->wants = false;
			pthread_cond_signal(&t->freed);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* Signals are for the thread that waits for them. */
static int create_thread(struct send_thread *t)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&t->thread, NULL, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

struct send_thread *send_thread_start(int socket, int to_close, bool may_overtake)
{
	struct send_thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->batches = calloc(BATCHES, sizeof(*t->batches));
	if (!t->batches)
		goto no_memory;
	for (size_t i = 0; i < BATCHES; i++)
		send_queue_init(&t->batches[i].queue, socket);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->came, NULL);
	pthread_cond_init(&t->freed, NULL);
	t->to_close = to_close;
	t->may_overtake = may_overtake;
	if (create_thread(t) == 0)
		return t;
	pthread_cond_destroy(&t->came);
	pthread_cond_destroy(&t->freed);
	pthread_mutex_destroy(&t->lock);
	free(t->batches);
no_memory:
	free(t);
	return NULL;
}

/* Batches that came back: what failed in them is told, in the order sent. */
static void take_back(struct send_thread *t, uint64_t sent, send_failed_handler *failed, void *context)
{
	for (; t->taken < sent; t->taken++) {
		struct batch *batch = &t->batches[t->taken % BATCHES];

		for (size_t i = 0; failed && i < batch->failed_count; i++)
			failed(context, batch->failed[i].cookie, batch->failed[i].error);
		batch->failed_count = 0;
	}
}

/* Waits until there is a free batch. */
static void await(struct send_thread *t, send_failed_handler *failed, void *context)
{
	uint64_t sent;

	pthread_mutex_lock(&t->lock);
	t->wants = t->given - t->sent == BATCHES;
	while (t->wants)
		pthread_cond_wait(&t->freed, &t->lock);
	sent = t->sent;
	pthread_mutex_unlock(&t->lock);
	take_back(t, sent, failed, context);
}

struct send_queue *send_thread_queue(struct send_thread *t, send_failed_handler *failed, void *context)
{
	if (t->queue)
		return t->queue;
	await(t, failed, context);
	t->queue = &t->batches[t->given % BATCHES].queue; /* only this thread changes `given` */
	return t->queue;
}

void send_thread_submit(struct send_thread *t, send_failed_handler *failed, void *context)
{
	bool busy;

	if (!t->queue || t->queue->count == 0)
		return;
	pthread_mutex_lock(&t->lock);
	busy = t->may_overtake && t->given - t->sent >= BATCHES_AHEAD;
	if (!busy) {
		t->given++;
		pthread_cond_signal(&t->came);
	}
	pthread_mutex_unlock(&t->lock);
	if (busy) /* rather than wait for the thread, do as it does: another processor, another batch */
		send_queue_flush(t->queue, failed, context);
	else
		t->queue = NULL;
}

void send_thread_stop(struct send_thread *t, send_failed_handler *failed, void *context)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->came);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	take_back(t, t->sent, failed, context);
	pthread_cond_destroy(&t->came);
	pthread_cond_destroy(&t->freed);
	pthread_mutex_destroy(&t->lock);
	free(t->batches);
	free(t);
}
