/* save_points.c - see save_points.h. The configuration has checked the text: pairs of numbers, a space between them.  */
#include "snapshot/save_points.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAVE_TEXT_MAX = 1024 };

bool save_points_due(struct config *config, uint64_t changes, int64_t seconds)
{
    char text[SAVE_TEXT_MAX];
    config_text_copy(config, &config->save, text, sizeof text);
    for (char *at = text; *at != 0;) {
        char *end;
        const long long point_seconds = strtoll(at, &end, 10);
        const long long point_changes = strtoll(end, &end, 10);
        if (end == at) {
            return false;
        }
        if (point_changes > 0 && changes >= (uint64_t)point_changes && seconds >= point_seconds) {
            return true;
        }
        at = end;
        while (*at == ' ') {
            at++;
        }
    }
    return false;
}

bool save_points_any(struct config *config)
{
    char text[SAVE_TEXT_MAX];
    config_text_copy(config, &config->save, text, sizeof text);
    return text[0] != 0;
}
