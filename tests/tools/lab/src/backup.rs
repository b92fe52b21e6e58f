//! `.lab/backup/`: what a learner wrote is copied here before a command replaces it.

use crate::error::Error;
use crate::skeleton::{self, Sources};
use crate::workbook::Workbook;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Copies the lab's sources; `None` if there are none.
pub fn keep(workbook: &Workbook, lab: &str) -> Result<Option<PathBuf>, Error> {
    let folder = workbook.lab_folder(lab);
    if !folder.join("src").is_dir() {
        return Ok(None);
    }
    let sources = skeleton::read_sources(&folder)?;
    if sources.is_empty() {
        return Ok(None);
    }
    let kept = free_folder(workbook, lab);
    copy(&kept, &sources)?;
    Ok(Some(kept))
}

fn copy(to: &std::path::Path, sources: &Sources) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file("create", to))?;
    skeleton::lay(to, sources)
}

/// Named after the time of day in UTC, which sorts; two in one second get a number.
fn free_folder(workbook: &Workbook, lab: &str) -> PathBuf {
    let folder = workbook.own_folder().join("backup").join(lab);
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |t| t.as_secs());
    let name = timestamp(seconds);
    let numbered = (2..).map(|count| format!("{name}-{count}"));
    std::iter::once(name.clone())
        .chain(numbered)
        .map(|name| folder.join(name))
        .find(|path| !path.exists())
        .unwrap_or_else(|| folder.join(&name))
}

/// `2026-03-01T08-05-09`: a date that every file system takes.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since the first of March of the year 0, in cycles of 400 years (Howard Hinnant's `civil_from_days`).
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap = day_of_era / 1_460;
    let year_of_era = (day_of_era - leap + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}-{:02}-{:02}",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn seconds_become_dates() {
        assert_eq!(timestamp(0), "1970-01-01T00-00-00");
        assert_eq!(timestamp(951_782_399), "2000-02-28T23-59-59");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00-00-00");
        assert_eq!(timestamp(1_772_352_309), "2026-03-01T08-05-09");
    }
}
