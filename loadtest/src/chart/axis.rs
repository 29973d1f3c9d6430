//! Where a value is on an axis, and which values are named there: numbers that are easy to read.

/// Ticks of an axis, about.
const TICKS: f64 = 5.0;
/// Numbers of each decade that are easy to read.
const EVEN: [f64; 3] = [1.0, 2.0, 5.0];
/// With more ticks than this, only powers of ten are named.
const LOGARITHMIC_TICKS_MAX: usize = 10;
/// Seconds between two ticks.
const TIME_STEPS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0,
    86_400.0,
];
/// Seconds of a minute and of an hour, with their names.
const TIME_UNITS: [(f64, &str); 3] = [(3_600.0, "h"), (60.0, "min"), (1.0, "s")];

/// One axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// What the numbers are.
    pub(super) unit: String,
    /// What is named: places from 0 to 1, and their names.
    pub(super) ticks: Vec<(f64, String)>,
    /// What is even on the axis: the value itself, or its logarithm.
    even: fn(f64) -> f64,
    least: f64,
    most: f64,
}

impl Axis {
    /// From 0 to the next even number after the largest value.
    pub(crate) fn linear(unit: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values.into_iter().fold(0.0, f64::max);
        let step = nice(largest / TICKS);
        let steps = (largest / step).ceil().max(1.0);
        let named = (0..=steps as u32).map(|n| f64::from(n) * step).map(|value| (value, number(value))).collect();
        Self::of(unit, |value| value, (0.0, steps * step), named)
    }

    /// From an even number below the smallest value to one above the largest; values of 0 and less have no place.
    pub(crate) fn logarithmic(unit: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|value| *value > 0.0 && value.is_finite());
        let (smallest, largest) =
            positive.fold((f64::MAX, 0.0_f64), |(least, most), value| (value.min(least), value.max(most)));
        let (smallest, largest) = if largest > 0.0 { (smallest, largest) } else { (1.0, 1.0) };
        let decades = smallest.log10().floor() as i32..=largest.log10().floor() as i32 + 1;
        let even: Vec<f64> = decades.flat_map(|decade| EVEN.map(|times| times * 10_f64.powi(decade))).collect();
        let first = even.iter().rposition(|even| *even <= smallest).unwrap_or(0);
        let last = even.iter().position(|even| *even >= largest && *even > smallest).unwrap_or(even.len() - 1);
        let (least, most) = (even[first].log10(), even[last].log10());
        let mut named: Vec<f64> = even[first..=last].to_vec();
        if named.len() > LOGARITHMIC_TICKS_MAX {
            named.retain(|value| value.log10().fract().abs() < 1e-9);
        }
        Self::of(unit, f64::log10, (least, most), named.into_iter().map(|value| (value, number(value))).collect())
    }

    /// Seconds from 0 on, named in the unit that suits them.
    pub(crate) fn time(seconds: f64) -> Self {
        let seconds = seconds.max(1.0);
        let step = TIME_STEPS.into_iter().find(|step| *step >= seconds / (2.0 * TICKS)).unwrap_or(seconds);
        let (unit, name) = TIME_UNITS.into_iter().find(|(unit, _)| seconds >= 2.0 * unit).unwrap_or((1.0, "s"));
        let times = (0..=(seconds / step) as u32).map(|n| f64::from(n) * step);
        let named = times.map(|at| (at, number(at / unit))).collect();
        Self::of(&format!("time in {name}"), |value| value, (0.0, seconds), named)
    }

    /// Shares from 0 to that one of so many which is the largest; each next decade has a tenth of what is left.
    pub(crate) fn shares(count: u64) -> Self {
        let decades = (count.max(10) as f64).log10().ceil().min(9.0);
        let nines = |decade: i32| match decade {
            1 => "90".to_owned(),
            2 => "99".to_owned(),
            more => format!("99.{}", "9".repeat(more as usize - 2)),
        };
        let mut named = vec![(0.0, "0".to_owned()), (0.5, "50".to_owned())];
        named.extend((1..=decades as i32).map(|decade| (1.0 - 10_f64.powi(-decade), nines(decade))));
        Self::of("percentile", |share| -(1.0 - share).max(f64::MIN_POSITIVE).log10(), (0.0, decades), named)
    }

    fn of(unit: &str, even: fn(f64) -> f64, (least, most): (f64, f64), named: Vec<(f64, String)>) -> Self {
        let mut axis = Self { unit: unit.to_owned(), ticks: Vec::new(), even, least, most };
        axis.ticks = named.into_iter().map(|(value, name)| (axis.place(value), name)).collect();
        axis
    }

    /// Where a value is, from 0 to 1; what lies outside is at the end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = ((self.even)(value) - self.least) / (self.most - self.least);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }
}

/// The next number that is easy to read: 1, 2 or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    EVEN.into_iter().chain([10.0]).map(|times| times * power).find(|nice| *nice >= value).unwrap_or(value)
}

/// With as many digits as it has, up to four of them after the point, and a comma after each three before it.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> String {
        axis.ticks.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_axis_has_numbers_that_are_easy_to_read() {
        assert_eq!(names(&Axis::linear("x", [3.0, 42.0])), "0 10 20 30 40 50");
        assert_eq!(names(&Axis::linear("x", [0.37])), "0 0.1 0.2 0.3 0.4");
        assert_eq!(names(&Axis::linear("x", [5_100.0])), "0 2,000 4,000 6,000");
        assert_eq!(names(&Axis::linear("x", [])), "0 1");
        assert_eq!(names(&Axis::logarithmic("x", [0.0, 0.3, 1_200.0])), "1 10 100 1,000");
        assert_eq!(names(&Axis::logarithmic("x", [7.0, 80.0])), "5 10 20 50 100");
        assert_eq!(names(&Axis::logarithmic("x", [1.0])), "1 2");
        assert_eq!(names(&Axis::logarithmic("x", [])), "1 2");
        assert_eq!(names(&Axis::time(9.0)), "0 1 2 3 4 5 6 7 8 9");
        assert_eq!(
            (names(&Axis::time(1_800.0)), Axis::time(1_800.0).unit),
            ("0 5 10 15 20 25 30".to_owned(), "time in min".to_owned())
        );
        assert_eq!(names(&Axis::shares(5_000)), "0 50 90 99 99.9 99.99");
    }

    #[test]
    fn every_value_has_a_place() {
        let axis = Axis::logarithmic("x", [1.0, 100.0]);
        assert_eq!([0.0, 1.0, 10.0, 100.0, 1e9].map(|value| axis.place(value)), [0.0, 0.0, 0.5, 1.0, 1.0]);
        let axis = Axis::shares(1_000);
        assert_eq!([0.0, 1.0].map(|share| axis.place(share)), [0.0, 1.0]);
        assert!((axis.place(0.99) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(Axis::time(0.0).place(f64::NAN), 0.0);
    }
}
