//! Runs `flights`: on the extract, on bad rows, and on the full set if its path is given in
//! `KEKBIT_FLIGHTS`.

mod support;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::{Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use kekbit_channel::{Next, TypedReader, recover};
use kekbit_examples::flights::Flight;
use support::{example, stderr, stdout};

const HEAD: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,\
                    arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,\
                    time_hour";
const GOOD: &str = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,\
                    2013-01-01T10:00:00Z";

fn flights(arguments: &[&str]) -> Output {
    example("flights").args(arguments).output().unwrap()
}

/// Says something that a test which passes does not swallow.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_extract_is_written_followed_replayed_and_fetched() {
    let output = flights(&["run"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let total = "3,007 flights, 76 cancelled\n\
                 mean departure delay 11.505288 over 2,931\n\
                 mean arrival delay 5.982534 over 2,920\n";
    let shown = stdout(&output);
    assert_eq!(shown.matches(total).count(), 2, "followed and replayed:\n{shown}");
    for expected in [
        "UA            518           4              11.1             3.0",
        "JFK      1,011          17              11.9             5.4",
        "and 83 more destinations",
        "flight 0: UA 1545 EWR-IAH on 2013-01-01, left 05:17 (+2 min)",
        "flight 3,006: B6 1271 LGA-FLL on 2013-09-30, left 19:55 (+13 min)",
    ] {
        assert!(shown.contains(expected), "{expected}\nis not in\n{shown}");
    }
    assert!(stderr(&output).contains("wrote 3,007 flights"), "{}", stderr(&output));
    assert!(stderr(&output).contains("the channel has ended: closed"), "{}", stderr(&output));
}

#[test]
fn the_full_set_gives_the_known_figures() {
    let Some(path) = std::env::var_os("KEKBIT_FLIGHTS") else {
        say("skipped the full set: KEKBIT_FLIGHTS does not name it");
        return;
    };
    let output = flights(&["run", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let total = "336,776 flights, 8,255 cancelled\n\
                 mean departure delay 12.639070 over 328,521\n\
                 mean arrival delay 6.895377 over 327,346\n";
    assert_eq!(stdout(&output).matches(total).count(), 2, "{}", stdout(&output));
}

#[test]
fn a_bad_row_is_reported_with_its_line_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let (table, channel) = (folder.path().join("bad.csv"), folder.path().join("bad.kekbit"));
    let rows = [
        HEAD,
        GOOD,
        "2013,1,1,517",
        &GOOD.replace("517", "soon"),
        &GOOD.replace("UA", "UAL"),
        &GOOD.replace("1545", "99999"),
        &GOOD.replace("2013-01-01T10:00:00Z", "yesterday"),
        "",
        &GOOD.replace("517", "NA"),
    ];
    fs::write(&table, rows.join("\n")).unwrap();
    let output = flights(&["write", text(&table), text(&channel)]);
    assert!(output.status.success(), "{}", stderr(&output));
    for expected in [
        "line: 3",
        "line 4, column `dep_time`: found `soon`, expected a whole number that fits, or nothing",
        "line 5, column `carrier`: found `UAL`, expected at most 2 bytes of text",
        "line 6, column `flight`: found `99999`, expected a whole number that fits",
        "line 7, column `time_hour`: found `yesterday`, expected a time such as",
        "wrote 2 flights",
        "skipped 5 rows",
    ] {
        assert!(stderr(&output).contains(expected), "{expected}: {}", stderr(&output));
    }
    let second = TypedReader::<Flight>::open(&channel).unwrap().get(1).unwrap().unwrap();
    assert!(second.is_cancelled());
}

#[test]
fn a_gzipped_table_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (table, channel) = (folder.path().join("one.csv.gz"), folder.path().join("one.kekbit"));
    let file = File::create(&table).unwrap();
    let mut zipped = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    writeln!(zipped, "{HEAD}\n{GOOD}").unwrap();
    zipped.finish().unwrap();
    let output = flights(&["write", text(&table), text(&channel)]);
    assert!(stderr(&output).contains("wrote 1 flights"), "{}", stderr(&output));
    let output = flights(&["get", text(&channel), "0"]);
    assert!(stdout(&output).starts_with("flight 0: UA 1545 EWR-IAH"), "{}", stdout(&output));
}

#[test]
fn what_cannot_be_done_is_said() {
    fn check(arguments: &[&str], expected: &str) {
        let output = flights(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let (table, channel) = (folder.path().join("t.csv"), folder.path().join("t.kekbit"));
    fs::write(&table, format!("{HEAD}\n{GOOD}\n{GOOD}\n{GOOD}\n")).unwrap();
    let (table, channel) = (text(&table), text(&channel));
    check(&["write", "/nowhere.csv", channel], "cannot read `/nowhere.csv`");
    check(&["write", text(folder.path()), channel], "Is a directory");
    check(&["write", "/dev/null", channel], "give --records");
    check(&["write", table, channel, "--records", "2"], "the channel is full after 2 flights");
    check(&["write", table, channel], "exists already");
    check(&["get", channel, "2"], "there is no record 2");
    check(&["replay", table], "is not a kekbit channel");
    check(&["replay", "/nowhere.kekbit"], "there is no channel");
    let other = folder.path().join("other.csv");
    fs::write(&other, "a,b\n1,2\n").unwrap();
    let untouched = folder.path().join("untouched.kekbit");
    check(&["write", text(&other), text(&untouched)], "the table has no column `time_hour`");
    assert!(!untouched.exists());
}

#[test]
fn a_follower_outlives_a_writer_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (table, channel) = (folder.path().join("pipe.csv"), folder.path().join("t.kekbit"));
    let made = std::process::Command::new("mkfifo").arg(&table).status();
    if !made.is_ok_and(|status| status.success()) {
        say("skipped the killed writer: there is no mkfifo");
        return;
    }
    let mut writer = example("flights")
        .args(["write", text(&table), text(&channel), "--records", "1000"])
        .spawn()
        .unwrap();
    let follower = example("flights")
        .args(["follow", text(&channel)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = File::options().write(true).open(&table).unwrap();
    // More than the reader of the table keeps back in its buffer.
    let rows = format!("{GOOD}\n").repeat(500);
    pipe.write_all(format!("{HEAD}\n{rows}").as_bytes()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let seen = loop {
        assert!(Instant::now() < deadline, "no record came");
        if let Ok(mut reader) = TypedReader::<Flight>::open(&channel)
            && 100 < reader.iter().count()
        {
            break reader.next_sequence();
        }
        thread::yield_now();
    };
    writer.kill().unwrap();
    writer.wait().unwrap();
    let output = follower.wait_with_output().unwrap();
    assert!(output.status.success());
    let shown = stdout(&output);
    assert!(stderr(&output).contains("the writer died"), "{}", stderr(&output));
    let recovery = recover(&channel).unwrap();
    assert!(seen <= recovery.records && recovery.sealed);
    assert!(shown.contains(&format!("{} flights", recovery.records)), "{shown}");
    let mut reader = TypedReader::<Flight>::open(&channel).unwrap();
    assert_eq!(reader.iter().filter(Result::is_ok).count() as u64, recovery.records);
    assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)));
}
