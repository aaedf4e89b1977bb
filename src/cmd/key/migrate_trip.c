/* migrate_trip.c - see migrate_trip.h.  */
#include "cmd/key/migrate_trip.h"

#include "mem/heap.h"

#include <string.h>

void trip_destroy(struct trip *trip)
{
    peer_close(&trip->peer);
    buffer_release(&trip->host);
    buffer_release(&trip->greeting);
    buffer_release(&trip->text);
    buffer_release(&trip->payload);
    if (trip->fates != NULL) {
        thread_free(MEM_CLIENT, trip->fates, trip->key_count);
    }
    thread_free(MEM_CLIENT, trip, sizeof *trip);
}

/* --- on its own thread --- */

static void note_error(struct trip *trip, struct bytes line)
{
    if (trip->error_len == 0 && line.len > 1) {
        trip->error_len = (uint32_t)line.len - 1;
        memcpy(trip->error, line.data + 1, trip->error_len);
    }
}

/* The next reply: +OK, or an error, which is noted. False: none came, or something else, so that no later one can be trusted. */
static bool read_reply(struct trip *trip, bool *is_ok)
{
    struct bytes line;
    if (peer_read_line(&trip->peer, trip->timeout_ms, &line) != PEER_OK) {
        return false;
    }
    *is_ok = bytes_equal(line, BYTES("+OK"));
    if (!*is_ok && line.len > 1 && line.data[0] == '-') {
        note_error(trip, line);
        return true;
    }
    return *is_ok;
}

static enum trip_end connect_peer(struct trip *trip)
{
    if (trip->port < 0 || trip->port > UINT16_MAX) {
        return TRIP_NOT_CONNECTED;
    }
    switch (peer_connect(&trip->peer, trip->host.data, (uint16_t)trip->port, trip->timeout_ms)) {
    case PEER_OK:
        return TRIP_FINE;
    case PEER_BROKEN:
        return TRIP_NOT_WRITTEN; /* as redis-server, which finds out when it writes */
    default:
        return TRIP_NOT_CONNECTED;
    }
}

/* AUTH and SELECT: no key is sent to whoever refuses one of them. */
static enum trip_end greet(struct trip *trip)
{
    if (peer_send(&trip->peer, buffer_bytes(&trip->greeting), trip->timeout_ms) != PEER_OK) {
        return TRIP_NOT_WRITTEN;
    }
    for (uint32_t i = 0; i < trip->greeting_count; i++) {
        bool is_ok;
        if (!read_reply(trip, &is_ok)) {
            return TRIP_NOT_READ;
        }
    }
    trip->is_greeted = trip->error_len == 0;
    return TRIP_FINE;
}

static bool send_batch(struct trip *trip)
{
    const struct bytes pieces[] = {buffer_bytes(&trip->text), buffer_bytes(&trip->payload), trip->tail};
    bool is_sent = true;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0] && is_sent; i++) {
        is_sent = peer_send(&trip->peer, pieces[i], trip->timeout_ms) == PEER_OK;
    }
    return is_sent;
}

static enum trip_end deliver(struct trip *trip)
{
    if (!send_batch(trip)) {
        return TRIP_NOT_WRITTEN;
    }
    for (uint64_t i = trip->first; i < trip->end; i++) {
        bool is_ok;
        if (trip->fates[i] != FATE_SENT) {
            continue;
        }
        if (!read_reply(trip, &is_ok)) {
            return TRIP_NOT_READ;
        }
        trip->fates[i] = is_ok ? FATE_DONE : FATE_SENT;
    }
    return TRIP_FINE;
}

static enum trip_end converse(struct trip *trip)
{
    enum trip_end ended = TRIP_FINE;
    if (!trip->is_greeted) {
        ended = connect_peer(trip);
        if (ended == TRIP_FINE) {
            ended = greet(trip);
        }
    }
    return ended == TRIP_FINE && trip->is_greeted ? deliver(trip) : ended;
}

static void trip_run(struct errand *errand)
{
    struct trip *trip = (struct trip *)errand;
    trip->ended = converse(trip);
    if (trip->ended != TRIP_FINE) {
        peer_hang_up(&trip->peer); /* before the keys are given free: what the target has not taken up yet it need not do */
    }
}

/* --- at home --- */

static void trip_cancel(struct errand *errand)
{
    peer_cancel(&((struct trip *)errand)->peer);
}

static void destroy_errand(struct errand *errand)
{
    trip_destroy((struct trip *)errand);
}

struct trip *trip_create(uint64_t key_count)
{
    struct trip *trip = thread_alloc_zeroed(MEM_CLIENT, sizeof *trip);
    if (trip == NULL) {
        return NULL;
    }
    trip->errand.run = trip_run;
    trip->errand.cancel = trip_cancel;
    trip->errand.destroy = destroy_errand;
    trip->host = trip->greeting = trip->text = trip->payload = BUFFER_EMPTY(MEM_CLIENT);
    trip->key_count = key_count;
    if (!peer_open(&trip->peer)) {
        thread_free(MEM_CLIENT, trip, sizeof *trip);
        return NULL;
    }
    trip->fates = thread_alloc_zeroed(MEM_CLIENT, key_count);
    if (trip->fates == NULL) {
        trip_destroy(trip);
        return NULL;
    }
    return trip;
}
