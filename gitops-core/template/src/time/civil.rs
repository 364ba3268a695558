//! The Gregorian calendar, counted in days from 1970-01-01.

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Returns the day of a count of days.
pub(super) fn date_of(days: i64) -> Date {
    // Years that start in March put the leap day at their end; 400 of them are one cycle.
    let shifted = days.saturating_add(719_468);
    let (cycle, day_of_cycle) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    Date { year: year_of_cycle + cycle * 400 + i64::from(month <= 2), month, day }
}

/// Returns the count of days of a day; months and days beyond their bounds run into the next ones, as in Go.
pub(super) fn days_of(date: Date) -> i64 {
    let months = date.month.saturating_sub(1);
    let year = date.year.saturating_add(months.div_euclid(12));
    let month = months.rem_euclid(12) + 1;
    let march_year = if month <= 2 { year.saturating_sub(1) } else { year };
    let (cycle, year_of_cycle) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle
        .saturating_mul(146_097)
        .saturating_add(day_of_cycle - 719_468)
        .saturating_add(date.day.saturating_sub(1))
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Returns how many days of the year stand before a month, in a common year.
pub(super) fn days_before(month: i64) -> i64 {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    usize::try_from(month - 1).ok().and_then(|month| BEFORE.get(month)).copied().unwrap_or(365)
}

pub(super) fn days_in(month: i64, year: i64) -> i64 {
    if month == 2 && is_leap(year) { 29 } else { days_before(month + 1) - days_before(month) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-1_000_000..1_000_000).step_by(97) {
            assert_eq!(days_of(date_of(days)), days);
        }
        assert_eq!(date_of(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(date_of(-719_162), Date { year: 1, month: 1, day: 1 });
        assert_eq!(date_of(11_016), Date { year: 2000, month: 2, day: 29 });
        assert_eq!(
            days_of(Date { year: 2023, month: 14, day: 31 }),
            days_of(Date { year: 2024, month: 3, day: 2 })
        );
    }
}
