/* SPDX-License-Identifier: MIT */
/*
 * chain: links in a table by fingerprint, and in a list by age.
 */
#include "record/chain.h"

#include <errno.h>
#include <stdlib.h>

#include "record/fingerprint.h"

enum {
	LINKS_MAX = 65536,
	BUCKETS = 16384,
	NONE = -1,
	/* one worker may see a client's second attempt before another has timed the first
	 */
	OVERLAP_US = 100000,
};

struct entry {
	struct chain_link link;
	int64_t ended_us; /* when the attempt had failed */
	int32_t next;     /* in the bucket; of a free entry: the next free one */
	int32_t older;
	int32_t newer;
};

struct chain {
	struct fingerprint_key *key; /* owned */
	int64_t window_us;
	struct entry *entry; /* owned; grows */
	int32_t count;       /* of entries ever used */
	int32_t cap;
	int32_t used;
	int32_t free; /* list */
	int32_t oldest;
	int32_t newest;
	int32_t bucket[BUCKETS];
};

int chain_create(
    const char *key_path, int64_t window_ns, struct chain **ret_chain, struct err *err)
{
	struct chain *chain = calloc(1, sizeof(*chain));
	int r = 0;

	if (!chain) {
		return err_set(err, ENOMEM, "out of memory for retry chains");
	}
	r = fingerprint_key_load(key_path, &chain->key, err);
	if (r != 0) {
		free(chain);
		return r;
	}
	chain->window_us = window_ns / 1000;
	chain->free = NONE;
	chain->oldest = NONE;
	chain->newest = NONE;
	for (size_t i = 0; i < BUCKETS; i++) {
		chain->bucket[i] = NONE;
	}
	*ret_chain = chain;
	return 0;
}

void chain_destroy(struct chain *chain)
{
	if (chain) {
		fingerprint_key_destroy(chain->key);
		free(chain->entry);
		free(chain);
	}
}

/* The fingerprint is a digest: any bits of it are a hash. */
static int32_t *bucket_of(struct chain *chain, const uint8_t fingerprint[16])
{
	return &chain->bucket[(fingerprint[0] | fingerprint[1] << 8) % BUCKETS];
}

static int32_t find(struct chain *chain, const uint8_t fingerprint[16])
{
	int32_t i = *bucket_of(chain, fingerprint);

	while (
	    i != NONE && memcmp(chain->entry[i].link.fingerprint, fingerprint, 16) != 0) {
		i = chain->entry[i].next;
	}
	return i;
}

static void unlist(struct chain *chain, int32_t i)
{
	struct entry *entry = &chain->entry[i];

	if (entry->older != NONE) {
		chain->entry[entry->older].newer = entry->newer;
	} else {
		chain->oldest = entry->newer;
	}
	if (entry->newer != NONE) {
		chain->entry[entry->newer].older = entry->older;
	} else {
		chain->newest = entry->older;
	}
}

static void list(struct chain *chain, int32_t i)
{
	struct entry *entry = &chain->entry[i];

	entry->older = chain->newest;
	entry->newer = NONE;
	if (chain->newest != NONE) {
		chain->entry[chain->newest].newer = i;
	} else {
		chain->oldest = i;
	}
	chain->newest = i;
}

static void take_out(struct chain *chain, int32_t i)
{
	int32_t *at = bucket_of(chain, chain->entry[i].link.fingerprint);

	while (*at != i) {
		at = &chain->entry[*at].next;
	}
	*at = chain->entry[i].next;
	unlist(chain, i);
	chain->entry[i].next = chain->free;
	chain->free = i;
	chain->used--;
}

/* Returns an entry in no list, or NONE: no memory. */
static int32_t new_entry(struct chain *chain)
{
	int32_t i = chain->free;

	if (i != NONE) {
		chain->free = chain->entry[i].next;
		return i;
	}
	if (chain->count == chain->cap) {
		int32_t cap = chain->cap ? chain->cap * 2 : 64;
		struct entry *grown = realloc(chain->entry, (size_t)cap * sizeof(*grown));

		if (!grown) {
			return NONE;
		}
		chain->entry = grown;
		chain->cap = cap;
	}
	return chain->count++;
}

static void put(struct chain *chain, const struct chain_link *link, int64_t ended_us)
{
	int32_t i = find(chain, link->fingerprint);

	if (i != NONE) {
		unlist(chain, i);
	} else {
		int32_t *bucket = bucket_of(chain, link->fingerprint);

		i = new_entry(chain);
		if (i == NONE) {
			return;
		}
		chain->entry[i].next = *bucket;
		*bucket = i;
		chain->used++;
	}
	chain->entry[i].link = *link;
	chain->entry[i].ended_us = ended_us;
	list(chain, i);
}

void chain_load(struct chain *chain, const struct chain_link *link)
{
	if (chain->used < LINKS_MAX) {
		put(chain, link, link->created_us);
	}
}

/* At most one link goes with each attempt: as many as can come. */
static void drop_stale(struct chain *chain, int64_t now_us, struct chain_step *step)
{
	int32_t i = chain->oldest;

	if (i != NONE &&
	    (chain->used > LINKS_MAX ||
	        chain->entry[i].link.created_us + chain->window_us < now_us)) {
		step->stale = true;
		memcpy(step->stale_fingerprint, chain->entry[i].link.fingerprint, 16);
		take_out(chain, i);
	}
}

/* Is this call the link's call made again: begun after it had failed, and soon enough? */
static bool follows(
    const struct chain *chain, const struct entry *entry, const struct call *call)
{
	return memcmp(&entry->link.id, &call->id, sizeof(call->id)) != 0 &&
	       call->created_us + OVERLAP_US >= entry->ended_us &&
	       call->created_us >= entry->link.created_us &&
	       call->created_us - entry->link.created_us < chain->window_us;
}

void chain_advance(struct chain *chain, const struct call *call, struct row *row,
    struct chain_step *ret_step)
{
	bool failed = !call->in_flight && row->status == ROW_FAILED;
	int32_t i = NONE;
	bool again = false;

	*ret_step = (struct chain_step){ 0 };
	drop_stale(chain, row->updated_us, ret_step);
	if (!failed && chain->used == 0) {
		return; /* mostly: then there is nothing to look for */
	}
	if (!fingerprint_make(chain->key, call, ret_step->link.fingerprint)) {
		return;
	}
	i = find(chain, ret_step->link.fingerprint);
	again = i != NONE && follows(chain, &chain->entry[i], call);
	if (again) {
		ret_step->mark = true;
		ret_step->earlier = chain->entry[i].link.id;
		row->retry_count = chain->entry[i].link.retry_count + 1;
	}
	if (failed) {
		ret_step->put = true;
		ret_step->link.id = call->id;
		ret_step->link.retry_count = row->retry_count;
		ret_step->link.created_us = call->created_us;
		put(chain, &ret_step->link,
		    call->created_us + (call->marks.ended - call->marks.begun) / 1000);
	} else if (again && !call->in_flight) {
		ret_step->drop = true;
		take_out(chain, i);
	}
}

void chain_forget(struct chain *chain, const struct chain_step *step)
{
	int32_t i = step->put ? find(chain, step->link.fingerprint) : NONE;

	if (i != NONE && memcmp(&chain->entry[i].link.id, &step->link.id,
	                     sizeof(step->link.id)) == 0) {
		take_out(chain, i);
	}
}

int chain_store(struct store *store, const struct chain_step *step, int64_t updated_us,
    struct err *err)
{
	int r = 0;

	if (step->stale) {
		r = store_drop_chain(store, step->stale_fingerprint, err);
	}
	if (r == 0 && step->mark) {
		r = store_mark_retrying(store, &step->earlier, updated_us, err);
	}
	if (r == 0 && step->put) {
		r = store_put_chain(store, &step->link, err);
	}
	if (r == 0 && step->drop) {
		r = store_drop_chain(store, step->link.fingerprint, err);
	}
	return r;
}
