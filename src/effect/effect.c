/* effect.c - see effect.h.  */
#include "effect/effect.h"

#include <assert.h>

void effects_add(struct effects *effects, const struct effect_listener *listener, void *context)
{
    assert(effects->count < EFFECT_LISTENERS_MAX);
    assert(listener->name != NULL && (listener->change != NULL || listener->effect != NULL));
    assert((listener->effect == NULL) == (listener->lost == NULL));
    effects->listeners[effects->count] = listener;
    effects->contexts[effects->count] = context;
    effects->count++;
}

static uint32_t number_of(const struct effects *effects, const struct effect_listener *listener)
{
    uint32_t number = 0;
    while (effects->listeners[number] != listener) {
        number++;
        assert(number < effects->count);
    }
    return number;
}

void effects_want(struct effects *effects, const struct effect_listener *listener, uint32_t wants)
{
    assert((wants & LISTEN_CHANGES) == 0 || listener->change != NULL);
    assert((wants & LISTEN_EFFECTS) == 0 || listener->effect != NULL);
    assert((wants & LISTEN_NOTICES) == 0 || listener->notice != NULL);
    const uint32_t shift = LISTEN_BITS * number_of(effects, listener);
    const uint32_t mask = (uint32_t)(LISTEN_CHANGES | LISTEN_EFFECTS | LISTEN_NOTICES) << shift;
    uint32_t before = effects_wanted(effects);
    while (!atomic_compare_exchange_weak_explicit(&effects->wants, &before, (before & ~mask) | wants << shift,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

void effects_report_change(const struct effects *effects, const struct change *change)
{
    assert(change->event < EVENT_COUNT);
    const uint32_t wants = effects_wanted(effects);
    for (uint32_t i = 0; i < effects->count; i++) {
        if ((wants >> LISTEN_BITS * i & LISTEN_CHANGES) != 0) {
            effects->listeners[i]->change(effects->contexts[i], change);
        }
    }
}

void effects_report_notice(const struct effects *effects, const struct change *notice)
{
    assert(notice->event == EVENT_NEW || notice->event == EVENT_KEYMISS);
    const uint32_t wants = effects_wanted(effects);
    for (uint32_t i = 0; i < effects->count; i++) {
        if ((wants >> LISTEN_BITS * i & LISTEN_NOTICES) != 0) {
            effects->listeners[i]->notice(effects->contexts[i], notice);
        }
    }
}

void effects_report_effect(const struct effects *effects, const struct effect *effect)
{
    assert(effect->count > 0);
    const uint32_t wants = effects_wanted(effects);
    for (uint32_t i = 0; i < effects->count; i++) {
        if ((wants >> LISTEN_BITS * i & LISTEN_EFFECTS) != 0) {
            effects->listeners[i]->effect(effects->contexts[i], effect);
        }
    }
}

void effects_report_lost(const struct effects *effects, struct thread *thread)
{
    const uint32_t wants = effects_wanted(effects);
    for (uint32_t i = 0; i < effects->count; i++) {
        if ((wants >> LISTEN_BITS * i & LISTEN_EFFECTS) != 0) {
            effects->listeners[i]->lost(effects->contexts[i], thread);
        }
    }
}

uint64_t effects_new_unit(struct effects *effects)
{
    return atomic_fetch_add_explicit(&effects->units, 1, memory_order_relaxed) + 1;
}
