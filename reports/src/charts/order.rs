//! Whether the machine was steady: samples in the order in which they were taken, with the boundaries
//! of blocks, each of which is a fresh process, and the warm-up apart. The samples of a block that something
//! else has hit are squares, which say what it was.

use plotters::prelude::*;

use super::axis::Axis;
use super::backend::{FG, GRID, OK, SCALE, Svg, UNK};
use super::ticks;
use crate::units;

/// The samples of one block.
pub(crate) struct Block<'a> {
    /// Its number within the run.
    pub(crate) number: u32,
    /// All values in order, warm-up first.
    pub(crate) values: &'a [u64],
    /// How many of them are warm-up.
    pub(crate) warm_up: usize,
    /// What hit the block, in words, if anything did.
    pub(crate) hit: Option<String>,
}

/// Dots in run order; `None` without a positive sample.
pub(crate) fn chart(blocks: &[Block<'_>], unit: &str, title: &str) -> Option<String> {
    let all = || {
        blocks
            .iter()
            .flat_map(|b| b.values.iter())
            .filter(|v| **v > 0)
            .map(|v| *v as f64)
    };
    let low = all().reduce(f64::min)? / 1.05;
    let high = all().reduce(f64::max)? * 1.05;
    let mut svg = Svg::new(600, 240);
    let squares = draw(&mut svg, blocks, unit, low, high).ok()?;
    for (block, places) in blocks.iter().zip(squares) {
        if let Some(words) = &block.hit {
            let words = format!("block {}: {words}", block.number);
            svg.squares(&places, OK, 6, &words);
        }
    }
    let hit = blocks.iter().filter(|block| block.hit.is_some()).count();
    let description = format!(
        "{} in {}, from {} to {}{}.",
        units::count(all().count(), "sample"),
        units::count(blocks.len(), "block"),
        units::value(low * 1.05, unit),
        units::value(high / 1.05, unit),
        match hit {
            0 => String::new(),
            hit => format!("; {hit} of the blocks hit by something else"),
        },
    );
    Some(svg.finish("order", title, &description))
}

type Drawing<T> = Result<T, DrawingAreaErrorKind<std::convert::Infallible>>;

/// Draws all but the measured samples of blocks that were hit, whose places it returns block by block.
fn draw(
    svg: &mut Svg,
    blocks: &[Block<'_>],
    unit: &str,
    low: f64,
    high: f64,
) -> Drawing<Vec<Vec<(i32, i32)>>> {
    let area = svg.into_drawing_area();
    let label = ("sans-serif", 13 * SCALE).into_font().color(&FG);
    let total: usize = blocks.iter().map(|block| block.values.len()).sum();
    let keys: Vec<f64> = ticks::values(low, high).into_iter().map(f64::ln).collect();
    // A label at the start of a block, but no more than fit.
    let every = blocks.len().div_ceil(12).max(1);
    let mut starts: Vec<(f64, u32)> = Vec::new();
    let mut at = 0;
    for block in blocks {
        starts.push((at as f64, block.number));
        at += block.values.len();
    }
    let labelled: Vec<f64> = starts.iter().step_by(every).map(|(at, _)| *at).collect();
    let mut chart = ChartBuilder::on(&area)
        .margin_right(10 * SCALE)
        .margin_top(10 * SCALE)
        .x_label_area_size(32 * SCALE)
        .y_label_area_size(76 * SCALE)
        .build_cartesian_2d(
            Axis::new(-0.5..total as f64, labelled),
            Axis::new(low.ln()..high.ln(), keys),
        )?;
    chart
        .configure_mesh()
        .set_all_tick_mark_size(6 * SCALE)
        .disable_x_mesh()
        .axis_style(GRID.stroke_width(SCALE as u32))
        .bold_line_style(GRID.stroke_width(SCALE as u32))
        .light_line_style(TRANSPARENT)
        .x_label_style(label.clone())
        .y_label_style(label)
        .x_label_formatter(&|x: &f64| {
            let block = starts.iter().find(|(at, _)| (at - x).abs() < 0.25);
            block.map_or(String::new(), |(_, number)| format!("block {number}"))
        })
        .y_label_formatter(&|y: &f64| units::value(y.exp(), unit))
        .draw()?;
    for (start, _) in starts.iter().skip(1) {
        let line = [(start - 0.5, low.ln()), (start - 0.5, high.ln())];
        chart.draw_series(LineSeries::new(line, UNK.stroke_width(SCALE as u32)))?;
    }
    let mut squares = vec![Vec::new(); blocks.len()];
    for (warm, color, radius) in [(true, UNK, 2), (false, OK, 3)] {
        let mut dots = Vec::new();
        for (((start, _), block), squares) in starts.iter().zip(blocks).zip(&mut squares) {
            for (i, value) in block.values.iter().enumerate() {
                if (i < block.warm_up) != warm || *value == 0 {
                    continue;
                }
                let at = (start + i as f64, (*value as f64).ln());
                match !warm && block.hit.is_some() {
                    true => squares.push(chart.backend_coord(&at)),
                    false => dots.push(at),
                }
            }
        }
        let dot = |at| Circle::new(at, radius * SCALE, color.filled());
        chart.draw_series(dots.into_iter().map(dot))?;
    }
    Ok(squares)
}
