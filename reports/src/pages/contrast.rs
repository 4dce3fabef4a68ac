//! A test of the style's colours alone: text and marks must stand out in both themes, as WCAG counts it.

const STYLE: &str = include_str!("style.css");

type Color = [f64; 3];

fn theme(dark: bool) -> Box<dyn Fn(&str) -> Color> {
    let roots: Vec<&str> = STYLE.split(":root{").skip(1).collect();
    let block = roots[usize::from(dark)]
        .split('}')
        .next()
        .unwrap()
        .to_owned();
    Box::new(move |token| {
        let start = format!("--{token}:#");
        let at = block
            .find(&start)
            .unwrap_or_else(|| panic!("{token} in {block}"));
        let hex = &block[at + start.len()..][..6];
        [0, 2, 4].map(|i| f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0)
    })
}

fn luminance(color: Color) -> f64 {
    let [r, g, b] = color.map(|c| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn mix(share: f64, color: Color, ground: Color) -> Color {
    [0, 1, 2].map(|i| share * color[i] + (1.0 - share) * ground[i])
}

#[test]
fn the_formula_agrees_with_known_pairs() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let gray = [f64::from(0x76) / 255.0; 3];
    assert!((contrast(gray, [1.0; 3]) - 4.54).abs() < 0.01);
}

#[test]
fn text_and_marks_stand_out_in_both_themes() {
    for dark in [false, true] {
        let token = theme(dark);
        let ground = token("bg");
        for text in ["fg", "ok", "bad", "unk"] {
            let found = contrast(token(text), ground);
            assert!(found >= 4.5, "{text}, dark {dark}: {found:.2}");
        }
        // The grounds of notes, tinted cells and shaded zones, with the text that stands on each.
        for (tint, share) in [("ok", 0.28), ("bad", 0.14), ("bad", 0.08), ("ok", 0.1)] {
            let found = contrast(token("fg"), mix(share, token(tint), ground));
            assert!(
                found >= 4.5,
                "text on {tint} {share}, dark {dark}: {found:.2}"
            );
        }
        for mark in ["ok", "bad", "unk", "fg"] {
            let found = contrast(token(mark), mix(0.1, token("ok"), ground));
            assert!(found >= 3.0, "{mark} on the zone, dark {dark}: {found:.2}");
        }
    }
}

#[test]
fn the_tints_tested_are_the_tints_used() {
    for used in [
        "var(--ok) 28%",
        "var(--bad) 14%",
        "var(--bad) 8%",
        "fill-opacity:.1",
    ] {
        assert!(STYLE.contains(used), "{used}");
    }
    let deepest = STYLE
        .match_indices("color-mix(in srgb,var(--ok) ")
        .map(|(i, m)| {
            STYLE[i + m.len()..]
                .split('%')
                .next()
                .unwrap()
                .parse::<u32>()
                .unwrap()
        })
        .max();
    assert_eq!(deepest, Some(28));
}
