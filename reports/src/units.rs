//! Figures for people: three significant digits, a unit that keeps them short, and ratios.

/// A value of a series with its unit: `ns` as a time, `bytes` in binary multiples, counts grouped or
/// shortened.
pub fn value(value: f64, unit: &str) -> String {
    match unit {
        "ns" => scaled(value, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")]),
        "bytes" => scaled(
            value,
            &[
                (1024.0 * 1024.0 * 1024.0, "GiB"),
                (1024.0 * 1024.0, "MiB"),
                (1024.0, "KiB"),
                (1.0, "B"),
            ],
        ),
        // A count of up to four digits is short enough as it stands.
        "count" | "" if value.abs() < 1e4 => whole_or_digits(value),
        "count" | "" => scaled(value, &[(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")]),
        "items/s" => format!("{} items/s", self::value(value, "count")).replace("  ", " "),
        other => format!("{} {other}", digits(value)),
    }
}

fn scaled(value: f64, steps: &[(f64, &str)]) -> String {
    let (size, unit) = steps
        .iter()
        .find(|(size, _)| value.abs() >= size * 0.9995)
        .or(steps.last())
        .copied()
        .unwrap_or((1.0, ""));
    let text = if unit.is_empty() || unit == "B" || unit == "ns" {
        whole_or_digits(value / size)
    } else {
        digits(value / size)
    };
    if unit.is_empty() {
        text
    } else {
        format!("{text} {unit}")
    }
}

fn whole_or_digits(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e5 {
        format!("{value:.0}")
    } else {
        digits(value)
    }
}

/// Three significant digits, without exponent: 0.0123, 1.23, 12.3, 123, 12300.
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value:.0}");
    }
    let mut places = 2 - value.abs().log10().floor() as i32;
    // 9.996 rounds up into the next power of ten, where it needs a place less.
    if (value.abs() * 10f64.powi(places)).round() >= 1000.0 {
        places -= 1;
    }
    if places >= 0 {
        format!("{value:.*}", places.min(12) as usize)
    } else {
        let step = 10f64.powi(-places);
        format!("{:.0}", (value / step).round() * step)
    }
}

/// A ratio: `2.35×`.
pub fn ratio(value: f64) -> String {
    format!("{}×", digits(value))
}

/// A threshold as claimed, without idle digits: `2×`, `2.19×`.
pub fn threshold(value: f64) -> String {
    let text = format!("{value:.2}");
    format!("{}×", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A share to a tenth: `83 %`, `9.6 %`.
pub fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// How much is done in a second: `11.2 GB/s` in decimal multiples, `4.24 G/s` where things are counted.
pub fn rate(per_second: f64, unit: &str) -> String {
    let steps = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    let found = steps.iter().find(|(size, _)| per_second >= size * 0.9995);
    let (size, prefix) = found.copied().unwrap_or((1.0, ""));
    let what = if unit == "bytes" { "B" } else { "" };
    format!("{} {prefix}{what}/s", digits(per_second / size))
}

/// `3 blocks`, `1 block`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits_with_the_unit_that_fits() {
        for (n, unit, expected) in [
            (0.0, "ns", "0 ns"),
            (999.0, "ns", "999 ns"),
            (1_234.0, "ns", "1.23 µs"),
            (999_960.0, "ns", "1.00 ms"),
            (1.06e9, "ns", "1.06 s"),
            (123.4e9, "ns", "123 s"),
            (1023.0, "bytes", "1023 B"),
            (432_013_312.0, "bytes", "412 MiB"),
            (9_999.0, "count", "9999"),
            (10_400.0, "count", "10.4 k"),
            (8_123_000_000.0, "count", "8.12 G"),
            (2_330_000.0, "items/s", "2.33 M items/s"),
            (1.5, "lamps", "1.50 lamps"),
        ] {
            assert_eq!(value(n, unit), expected);
        }
        assert_eq!([0.85, 0.0963, 1.0].map(percent), ["85 %", "9.6 %", "100 %"]);
        assert_eq!(rate(11.24e9, "bytes"), "11.2 GB/s");
        assert_eq!(rate(90_000.0, "count"), "90.0 k/s");
        assert_eq!(ratio(9.996), "10.0×");
        assert_eq!(ratio(12_345.0), "12300×");
        assert_eq!(ratio(0.01234), "0.0123×");
        assert_eq!(threshold(2.0), "2×");
        assert_eq!(threshold(2.5), "2.5×");
        assert_eq!(threshold(10.0), "10×");
    }
}
