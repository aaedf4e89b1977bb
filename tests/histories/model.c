/* model.c - see model.h.  */
#include "model.h"

#include <assert.h>
#include <string.h>

void model_violated(struct model *model, const char *what, uint32_t at)
{
    if (model->violation == NULL) {
        model->violation = what;
        model->violation_at = at;
    }
}

uint32_t model_add(struct model *model, uint8_t shards)
{
    assert(model->count < OPERATIONS_MAX);
    model->operations[model->count] = (struct operation){.shards = shards};
    model->count++;
    return model->count - 1;
}

void model_recovery_begins(struct model *model)
{
    for (uint32_t i = 0; i < model->count; i++) {
        model->operations[i].found = 0;
    }
    memset(model->last_found, 0, sizeof model->last_found);
}

void model_find(struct model *model, uint32_t number, uint32_t shard, bool is_of_base)
{
    if (number >= model->count || shard >= MODEL_SHARDS_MAX || (model->operations[number].shards >> shard & 1) == 0) {
        model_violated(model, "something was found that nobody has written", number);
        return;
    }
    struct operation *operation = &model->operations[number];
    if ((operation->found >> shard & 1) != 0) {
        model_violated(model, "a change was found twice", number);
    }
    if (!is_of_base && number + 1 <= model->last_found[shard]) {
        model_violated(model, "changes were found out of their order", number);
    }
    model->last_found[shard] = number + 1;
    operation->found |= (uint8_t)(1 << shard);
}

void model_recovery_ends(struct model *model, uint32_t shard_count)
{
    uint8_t missing = 0; /* shards that have ended */
    for (uint32_t i = 0; i < model->count; i++) {
        const struct operation *operation = &model->operations[i];
        if (operation->found != 0 && operation->found != operation->shards) {
            model_violated(model, "a part of a unit was found", i);
        }
        if (operation->is_acknowledged && operation->found == 0) {
            model_violated(model, "what was acknowledged is missing", i);
        }
        if (operation->is_settled && operation->is_there != (operation->found != 0)) {
            model_violated(model, "what an earlier recovery has decided was changed", i);
        }
        if (operation->is_settled) {
            continue;
        }
        if (operation->found != 0 && (operation->found & missing) != 0) {
            model_violated(model, "a change was found, but not one before it", i);
        }
        missing |= (uint8_t)(operation->found == 0 ? operation->shards : 0);
    }
    (void)shard_count;
}

void model_settle(struct model *model)
{
    for (uint32_t i = 0; i < model->count; i++) {
        struct operation *operation = &model->operations[i];
        operation->is_settled = true;
        operation->is_there = operation->found != 0;
    }
    model->settled = model->count;
}
