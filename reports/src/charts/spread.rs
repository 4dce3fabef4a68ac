//! How spread the samples are: the share of samples up to each value, one curve for each contender.

use plotters::prelude::*;

use super::axis::Axis;
use super::backend::{BAD, FG, GRID, OK, SCALE, Svg, UNK};
use super::ticks;
use crate::units;

/// Colours of the curves in the order of the contenders.
pub(crate) const COLORS: [RGBColor; 3] = [OK, BAD, UNK];

/// The cumulative distribution of up to three lists of positive samples, on a logarithmic axis; `None`
/// without any.
pub(crate) fn chart(lists: &[(&str, Vec<f64>)], unit: &str, title: &str) -> Option<String> {
    let mut sorted: Vec<(&str, Vec<f64>)> = Vec::new();
    for (name, values) in lists.iter().take(COLORS.len()) {
        let mut values: Vec<f64> = values.iter().copied().filter(|v| *v > 0.0).collect();
        values.sort_unstable_by(f64::total_cmp);
        sorted.push((name, values));
    }
    let all = || sorted.iter().flat_map(|(_, values)| values.iter().copied());
    let low = all().reduce(f64::min)? / 1.03;
    let high = all().reduce(f64::max)? * 1.03;
    let mut svg = Svg::new(600, 260);
    draw(&mut svg, &sorted, unit, low, high).ok()?;
    let said: Vec<String> = sorted
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| {
            let half = crate::stats::median(values).unwrap_or(0.0);
            format!("half of {name} within {}", units::value(half, unit))
        })
        .collect();
    Some(svg.finish("spread", title, &format!("{}.", said.join(", "))))
}

type Drawing<T> = Result<T, DrawingAreaErrorKind<std::convert::Infallible>>;

fn draw(svg: &mut Svg, lists: &[(&str, Vec<f64>)], unit: &str, low: f64, high: f64) -> Drawing<()> {
    let area = svg.into_drawing_area();
    let label = ("sans-serif", 13 * SCALE).into_font().color(&FG);
    let keys: Vec<f64> = ticks::values(low, high).into_iter().map(f64::ln).collect();
    let mut chart = ChartBuilder::on(&area)
        .margin_right(30 * SCALE)
        .margin_top(8 * SCALE)
        .x_label_area_size(32 * SCALE)
        .y_label_area_size(56 * SCALE)
        .build_cartesian_2d(
            Axis::new(low.ln()..high.ln(), keys),
            Axis::new(0.0..100.0, vec![0.0, 25.0, 50.0, 75.0, 100.0]),
        )?;
    chart
        .configure_mesh()
        .set_all_tick_mark_size(6 * SCALE)
        .axis_style(GRID.stroke_width(SCALE as u32))
        .bold_line_style(GRID.stroke_width(SCALE as u32))
        .light_line_style(TRANSPARENT)
        .x_label_style(label.clone())
        .y_label_style(label)
        .x_label_formatter(&|x: &f64| units::value(x.exp(), unit))
        .y_label_formatter(&|y: &f64| format!("{y:.0} %"))
        .draw()?;
    for ((_, values), color) in lists.iter().zip(COLORS) {
        let mut points = Vec::with_capacity(2 * values.len() + 1);
        let n = values.len() as f64;
        // More steps than these are finer than a pixel.
        let every = values.len().div_ceil(250).max(1);
        let mut share = 0.0;
        for (i, value) in values.iter().enumerate() {
            if i % every == 0 || i + 1 == values.len() {
                points.push((value.ln(), share));
                share = 100.0 * (i + 1) as f64 / n;
                points.push((value.ln(), share));
            }
        }
        chart.draw_series(LineSeries::new(
            points,
            color.stroke_width(2 * SCALE as u32),
        ))?;
    }
    Ok(())
}
