// What of Apache ECharts 6.1.0 stands in echarts.min.js: npm install echarts@6.1.0 esbuild, and
// npx esbuild build.mjs --bundle --minify --format=iife --global-name=echarts --legal-comments=none --charset=ascii --outfile=echarts.min.js
import * as echarts from "echarts/core";
import { BarChart, LineChart, TreemapChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
echarts.use([BarChart, LineChart, TreemapChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);
export { init } from "echarts/core";
