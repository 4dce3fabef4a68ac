//! The blocks of one comparison in the order in which they were taken, each a dot at its ratio, with the
//! interval and the claim as lines.

use plotters::prelude::*;

use super::axis::Axis;
use super::backend::{BAD, FG, GRID, OK, SCALE, Svg, UNK};
use super::ticks;
use crate::units;

/// What is drawn.
pub(crate) struct Blocks<'a> {
    /// Logarithm of each block's ratio.
    pub(crate) logs: &'a [f64],
    /// The interval of the ratio.
    pub(crate) interval: Option<(f64, f64)>,
    /// The ratio claimed.
    pub(crate) claim: Option<f64>,
}

/// The chart; `None` without a block.
pub(crate) fn chart(blocks: &Blocks<'_>, id: &str, title: &str) -> Option<String> {
    let ratios = || blocks.logs.iter().map(|log| log.exp());
    let (low, high) = (ratios().reduce(f64::min)?, ratios().reduce(f64::max)?);
    let bounds = blocks.interval.into_iter().flat_map(|(l, h)| [l, h]);
    // An interval of few blocks may be far wider than they lie apart, and would flatten the dots.
    let room = (high / low).max(1.02);
    let bounds = bounds.filter(|b| *b > low / room.powi(3) && *b < high * room.powi(3));
    let all = || bounds.clone().chain(blocks.claim).chain([1.0, low, high]);
    let from = all().fold(f64::INFINITY, f64::min) / 1.01;
    let to = all().fold(0.0, f64::max) * 1.01;
    // Ticks a hundredth or less apart need the third place.
    let label = |ratio: f64| match to / from < 1.2 {
        true => format!("{ratio:.3}×"),
        false => units::ratio(ratio),
    };
    let mut svg = Svg::new(600, 220);
    draw(&mut svg, blocks, (from, to), &label).ok()?;
    let description = format!(
        "{}, ratios from {} to {}.",
        units::count(blocks.logs.len(), "block"),
        label(low),
        label(high)
    );
    Some(svg.finish(id, title, &description))
}

type Drawing<T> = Result<T, DrawingAreaErrorKind<std::convert::Infallible>>;

fn draw(
    svg: &mut Svg,
    blocks: &Blocks<'_>,
    (low, high): (f64, f64),
    label: &dyn Fn(f64) -> String,
) -> Drawing<()> {
    let area = svg.into_drawing_area();
    let font = ("sans-serif", 13 * SCALE).into_font().color(&FG);
    let count = blocks.logs.len();
    let every = count.div_ceil(12).max(1);
    let numbers = (0..count).step_by(every).map(|at| at as f64).collect();
    let keys: Vec<f64> = ticks::values(low, high).into_iter().map(f64::ln).collect();
    let mut chart = ChartBuilder::on(&area)
        .margin_right(10 * SCALE)
        .margin_top(10 * SCALE)
        .x_label_area_size(32 * SCALE)
        .y_label_area_size(76 * SCALE)
        .build_cartesian_2d(
            Axis::new(-0.7..count as f64 - 0.3, numbers),
            Axis::new(low.ln()..high.ln(), keys),
        )?;
    chart
        .configure_mesh()
        .set_all_tick_mark_size(6 * SCALE)
        .disable_x_mesh()
        .axis_style(GRID.stroke_width(SCALE as u32))
        .bold_line_style(GRID.stroke_width(SCALE as u32))
        .light_line_style(TRANSPARENT)
        .x_label_style(font.clone())
        .y_label_style(font)
        .x_label_formatter(&|x: &f64| format!("{:.0}", x + 1.0))
        .y_label_formatter(&|y: &f64| label(y.exp()))
        .draw()?;
    let across = |ratio: f64| [(-0.7, ratio.ln()), (count as f64 - 0.3, ratio.ln())];
    let inside = |ratio: &f64| (low..=high).contains(ratio);
    chart.draw_series(LineSeries::new(across(1.0), UNK.stroke_width(SCALE as u32)))?;
    if let Some(claim) = blocks.claim.filter(inside) {
        let style = BAD.stroke_width(2 * SCALE as u32);
        chart.draw_series(LineSeries::new(across(claim), style))?;
    }
    for bound in blocks.interval.into_iter().flat_map(|(l, h)| [l, h]) {
        if inside(&bound) {
            let style = OK.stroke_width(SCALE as u32);
            chart.draw_series(LineSeries::new(across(bound), style))?;
        }
    }
    let dots = blocks.logs.iter().enumerate();
    chart.draw_series(
        dots.map(|(at, log)| Circle::new((at as f64, *log), 3 * SCALE, OK.filled())),
    )?;
    Ok(())
}
