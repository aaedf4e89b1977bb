/* Listeners get what they want, and only that. */
#include "effect/effect.h"

#include <criterion/criterion.h>
#include <string.h>

struct seen {
    uint32_t changes, effects, lost, notices;
    enum event last_event;
    uint32_t last_count;
};

static void see_change(void *context, const struct change *change)
{
    struct seen *seen = context;
    seen->changes++;
    seen->last_event = change->event;
}

static void see_effect(void *context, const struct effect *effect)
{
    struct seen *seen = context;
    seen->effects++;
    seen->last_count = effect->count;
}

static void see_notice(void *context, const struct change *notice)
{
    struct seen *seen = context;
    seen->notices++;
    seen->last_event = notice->event;
}

static void see_lost(void *context, struct thread *thread)
{
    struct seen *seen = context;
    (void)thread;
    seen->lost++;
}

static const struct effect_listener both = {.name = "both", .change = see_change, .effect = see_effect, .lost = see_lost,
                                            .notice = see_notice};
static const struct effect_listener only_effects = {.name = "only effects", .effect = see_effect, .lost = see_lost};

static void report(const struct effects *effects)
{
    const struct bytes words[] = {BYTES("DEL"), BYTES("k")};
    effects_report_change(effects, &(struct change){.key = BYTES("k"), .event = EVENT_DEL});
    effects_report_effect(effects, &(struct effect){.words = words, .count = 2});
}

Test(effect, listeners_get_what_they_want)
{
    struct effects effects = {0};
    struct seen seen[2] = {0};
    effects_add(&effects, &both, &seen[0]);
    effects_add(&effects, &only_effects, &seen[1]);
    cr_assert_eq(effects_wanted(&effects), 0u);
    report(&effects);
    cr_assert_eq(seen[0].changes + seen[0].effects + seen[1].effects, 0u);

    effects_want(&effects, &both, LISTEN_CHANGES);
    effects_want(&effects, &only_effects, LISTEN_EFFECTS);
    cr_assert_neq(effects_wanted(&effects) & LISTEN_ANY_CHANGES, 0u);
    cr_assert_neq(effects_wanted(&effects) & LISTEN_ANY_EFFECTS, 0u);
    report(&effects);
    cr_assert(seen[0].changes == 1 && seen[0].effects == 0 && seen[0].last_event == EVENT_DEL);
    cr_assert(seen[1].changes == 0 && seen[1].effects == 1 && seen[1].last_count == 2);

    effects_report_lost(&effects, NULL);
    cr_assert(seen[0].lost == 0 && seen[1].lost == 1);

    effects_want(&effects, &only_effects, 0);
    report(&effects);
    effects_report_lost(&effects, NULL);
    cr_assert(seen[0].changes == 2 && seen[1].effects == 1 && seen[1].lost == 1);
    cr_assert_eq(effects_wanted(&effects) & LISTEN_ANY_EFFECTS, 0u);
}

Test(effect, notices_are_wanted_apart_from_changes)
{
    struct effects effects = {0};
    struct seen seen[2] = {0};
    effects_add(&effects, &only_effects, &seen[0]);
    effects_add(&effects, &both, &seen[1]);
    effects_want(&effects, &both, LISTEN_NOTICES);
    cr_assert_eq(effects_wanted(&effects) & (LISTEN_ANY_CHANGES | LISTEN_ANY_EFFECTS), 0u);
    cr_assert_neq(effects_wanted(&effects) & LISTEN_ANY_NOTICES, 0u);
    report(&effects);
    effects_report_notice(&effects, &(struct change){.key = BYTES("k"), .event = EVENT_NEW});
    cr_assert(seen[1].changes == 0 && seen[1].notices == 1 && seen[1].last_event == EVENT_NEW);

    effects_want(&effects, &both, LISTEN_CHANGES);
    effects_report_notice(&effects, &(struct change){.key = BYTES("k"), .event = EVENT_KEYMISS});
    report(&effects);
    cr_assert(seen[1].changes == 1 && seen[1].notices == 1 && seen[0].notices == 0);
}

Test(effect, units_are_never_0_and_never_the_same)
{
    struct effects effects = {0};
    const uint64_t first = effects_new_unit(&effects);
    cr_assert_neq(first, 0u);
    cr_assert_neq(effects_new_unit(&effects), first);
}

Test(event, every_event_has_its_name_and_class)
{
    for (int i = 0; i < EVENT_COUNT; i++) {
        cr_assert_not_null(event_rows[i].name, "%d", i);
        cr_assert_not_null(strchr("g$lshztxenmT", event_rows[i].class), "%s", event_rows[i].name);
        for (int k = 0; k < i; k++) {
            cr_assert_str_neq(event_rows[i].name, event_rows[k].name);
        }
    }
}
