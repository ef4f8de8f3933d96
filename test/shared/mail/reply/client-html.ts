/**
 * The markup that clients put around a quotation, written by us after the clients' own: [client, html]. In each the author
 * wrote "Fine with me." and answers "Shall we meet?".
 */
export const clientHtml: readonly (readonly [string, string])[] = [
  [
    "Gmail on the web",
    `<div dir="ltr">Fine with me.</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Mon, Mar 4, 2024 at 9:05&#8239;AM Ann Example &lt;<a href="mailto:ann@site.example">ann@site.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"><div dir="ltr">Shall we meet?</div></blockquote></div>`,
  ],
  [
    "Gmail before 2018",
    `<div dir="ltr">Fine with me.</div><div class="gmail_extra"><br><div class="gmail_quote">2016-03-04 9:05 GMT+01:00 Ann Example <span dir="ltr">&lt;<a href="mailto:ann@site.example" target="_blank">ann@site.example</a>&gt;</span>:<br><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex"><div dir="ltr">Shall we meet?</div></blockquote></div><br></div>`,
  ],
  [
    "Gmail on Android",
    `<div dir="auto">Fine with me.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Mo., 4. März 2024, 09:05 Ann Example &lt;<a href="mailto:ann@site.example">ann@site.example</a>&gt; schrieb:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex"><p dir="ltr">Shall we meet?</p></blockquote></div>`,
  ],
  [
    "Gmail, a language we do not know",
    `<div dir="ltr">Fine with me.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Xyzzy plugh Ann Example qwerty<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex">Shall we meet?</blockquote></div>`,
  ],
  [
    "Apple Mail",
    `<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body style="overflow-wrap: break-word; -webkit-nbsp-mode: space; line-break: after-white-space;">Fine with me.<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>On 4 Mar 2024, at 09:05, Ann Example &lt;ann@site.example&gt; wrote:</div><br class="Apple-interchange-newline"><div><div>Shall we meet?</div></div></blockquote></div><br></body></html>`,
  ],
  [
    "Apple Mail on a phone",
    `<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body dir="auto">Fine with me.<br><br><div dir="ltr">Von meinem iPhone gesendet</div><div dir="ltr"><br><blockquote type="cite">Am 04.03.2024 um 09:05 schrieb Ann Example &lt;ann@site.example&gt;:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">﻿Shall we meet?</div></blockquote></body></html>`,
  ],
  [
    "Outlook for Windows",
    `<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style><!-- p.MsoNormal {margin:0cm} --></style></head><body lang="EN-GB" link="#0563C1" style="word-wrap:break-word"><div class="WordSection1"><p class="MsoNormal"><span style="font-size:11.0pt">Fine with me.<o:p></o:p></span></p><p class="MsoNormal"><span><o:p>&nbsp;</o:p></span></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b><span lang="EN-US">From:</span></b><span lang="EN-US"> Ann Example &lt;ann@site.example&gt; <br><b>Sent:</b> 04 March 2024 09:05<br><b>To:</b> Bob Example &lt;bob@site.example&gt;<br><b>Subject:</b> Meeting<o:p></o:p></span></p></div></div><p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">Shall we meet?<o:p></o:p></p></div></body></html>`,
  ],
  [
    "Outlook for Windows, 2010, German",
    `<body lang=DE><div class=WordSection1><p class=MsoNormal>Fine with me.<o:p></o:p></p><div><div style='border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b><span style='font-size:10.0pt'>Von:</span></b> Ann Example [mailto:ann@site.example] <br><b>Gesendet:</b> Montag, 4. März 2024 09:05<br><b>An:</b> Bob Example<br><b>Betreff:</b> Treffen<o:p></o:p></p></div></div><p class=MsoNormal>Shall we meet?</p></div></body>`,
  ],
  [
    "Outlook for Windows, blue line at the left",
    `<div class=WordSection1><p class=MsoNormal>Fine with me.<o:p></o:p></p><div style='border:none;border-left:solid blue 1.5pt;padding:0cm 0cm 0cm 4.0pt'><div><div style='border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>From:</b> Ann Example [mailto:ann@site.example] <br><b>Sent:</b> Monday, March 4, 2024 9:05 AM<br><b>To:</b> Bob Example<br><b>Subject:</b> Meeting</p></div></div><p class=MsoNormal>Shall we meet?</p></div></div>`,
  ],
  [
    "Outlook on the web",
    `<html><body dir="ltr"><div class="elementToProof" style="font-family: Aptos, Calibri; font-size: 12pt;">Fine with me.</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>From:</b> Ann Example &lt;ann@site.example&gt;<br><b>Sent:</b> Monday, March 4, 2024 9:05 AM<br><b>To:</b> Bob Example &lt;bob@site.example&gt;<br><b>Subject:</b> Meeting</font><div>&nbsp;</div></div><div>Shall we meet?</div></body></html>`,
  ],
  [
    "Outlook on the web, quoted by Gmail",
    `<div><div style="font-size:12pt">Fine with me.</div><div id="m_-123456789appendonsend"></div><hr><div id="gmail-m_-123456789divRplyFwdMsg" dir="ltr"><b>Xyzzy</b> Ann Example<br><b>Plugh</b> Monday</div><div>Shall we meet?</div></div>`,
  ],
  [
    "Outlook on a phone",
    `<div dir="auto">Fine with me.</div><div dir="auto"><br></div><div id="ms-outlook-mobile-signature"><div></div>Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div><div id="mail-editor-reference-message-container"><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Ann Example &lt;ann@site.example&gt;<br><b>Sent:</b> Monday, March 4, 2024 9:05:00 AM<br><b>To:</b> Bob Example<br><b>Subject:</b> Meeting</div><div>Shall we meet?</div></div>`,
  ],
  [
    "Outlook for Mac",
    `<div><div>Fine with me.</div></div><div><br></div><span id="OLK_SRC_BODY_SECTION"><div style="font-family:Calibri; font-size:11pt; text-align:left; border-top: #b5c4df 1pt solid;"><span style="font-weight:bold">From: </span> Ann Example &lt;<a href="mailto:ann@site.example">ann@site.example</a>&gt;<br><span style="font-weight:bold">Date: </span> Monday, 4 March 2024 09:05<br><span style="font-weight:bold">To: </span> Bob Example<br><span style="font-weight:bold">Subject: </span> Meeting<br></div><div>Shall we meet?</div></span>`,
  ],
  [
    "Outlook Express",
    `<DIV><FONT face=Arial size=2>Fine with me.</FONT></DIV><BLOCKQUOTE style="PADDING-RIGHT: 0px; PADDING-LEFT: 5px; MARGIN-LEFT: 5px; BORDER-LEFT: #000000 2px solid"><DIV style="FONT: 10pt arial">----- Original Message ----- </DIV><DIV style="BACKGROUND: #e4e4e4"><B>From:</B> <A href="mailto:ann@site.example">Ann Example</A> </DIV><DIV><B>To:</B> Bob Example</DIV><DIV><B>Sent:</B> Monday, March 04, 2024 9:05 AM</DIV><DIV><B>Subject:</B> Meeting</DIV><DIV>Shall we meet?</DIV></BLOCKQUOTE>`,
  ],
  [
    "Hotmail",
    `<div dir='ltr'>Fine with me.<br><br><div><hr id="stopSpelling">Date: Mon, 4 Mar 2024 09:05:00 +0100<br>Subject: Meeting<br>From: ann@site.example<br>To: bob@site.example<br><br>Shall we meet?</div></div>`,
  ],
  [
    "Windows Mail",
    `<div data-externalstyle="false" dir="ltr"><div>Fine with me.</div><div><br></div><div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;"><div><b>From:</b>&nbsp;Ann Example<br><b>Sent:</b>&nbsp;&lrm;Monday&lrm;, &lrm;March&lrm; &lrm;4&lrm;, &lrm;2024 &lrm;9&lrm;:&lrm;05&lrm; &lrm;AM<br><b>To:</b>&nbsp;Bob Example<br><b>Subject:</b>&nbsp;Meeting</div></div><div>Shall we meet?</div></div>`,
  ],
  [
    "Mail for Windows 10",
    `<div class=WordSection1><p class=MsoNormal>Fine with me.</p><p class=MsoNormal>Sent from <a href="https://go.microsoft.com/fwlink/?LinkId=550986">Mail</a> for Windows</p><div style='mso-element:para-border-div;border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal style='border:none;padding:0cm'><b>From: </b><a href="mailto:ann@site.example">Ann Example</a><br><b>Sent: </b>Monday, 4 March 2024 09:05<br><b>To: </b>Bob Example<br><b>Subject: </b>Meeting</p></div><p class=MsoNormal>Shall we meet?</p></div>`,
  ],
  [
    "Yahoo",
    `<html><body><div class="ydpa1b2c3d4yahoo-style-wrap" style="font-size:13px;"><div dir="ltr" data-setdir="false">Fine with me.</div><div><br></div></div><div id="ydpf0e1d2c3yahoo_quoted_1234567890" class="ydpf0e1d2c3yahoo_quoted"><div style="font-family:Helvetica"><div>On Monday, March 4, 2024 at 09:05:00 AM GMT+1, Ann Example &lt;ann@site.example&gt; wrote:</div><div><br></div><div>Shall we meet?</div></div></div></body></html>`,
  ],
  [
    "Yahoo, a language we do not know",
    `<div class="yahoo-style-wrap">Fine with me.</div><div id="yahoo_quoted_1234567890" class="yahoo_quoted"><div>Xyzzy plugh, Ann Example qwerty</div><div>Shall we meet?</div></div>`,
  ],
  [
    "Yahoo on Android",
    `<div>Fine with me.<br> <br> <div id="ymail_android_signature"><a href="https://mail.onelink.example/app">Sent from Yahoo Mail on Android</a></div> <br> <blockquote style="margin: 0 0 20px 0;"> <div style="font-family:Roboto"> <div>On Mon, 4 Mar 2024 at 9:05, Ann Example</div><div>&lt;ann@site.example&gt; wrote:</div> </div> <div style="padding: 10px 0 0 20px; border-left: 1px solid #6D00F6;">Shall we meet?</div> </blockquote></div>`,
  ],
  [
    "AOL",
    `<div style="color: black; font: 10pt Arial;"><div>Fine with me.</div><div style="font-family:helvetica;font-size:10pt;color:black"><br>-----Original Message-----<br>From: Ann Example &lt;ann@site.example&gt;<br>To: Bob Example &lt;bob@site.example&gt;<br>Sent: Mon, Mar 4, 2024 9:05 am<br>Subject: Meeting<br><br><div id="aolmsgpart_1">Shall we meet?</div></div></div>`,
  ],
  [
    "Thunderbird",
    `<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body><p>Fine with me.</p><div class="moz-cite-prefix">On 3/4/24 09:05, Ann Example wrote:<br></div><blockquote type="cite" cite="mid:1@site.example"><p>Shall we meet?</p></blockquote></body></html>`,
  ],
  [
    "Thunderbird, below the quotation",
    `<html><body><div class="moz-cite-prefix">Am 04.03.24 um 09:05 schrieb Ann Example:<br></div><blockquote type="cite" cite="mid:1@site.example"><p>Shall we meet?</p></blockquote><p>Fine with me.</p><div class="moz-signature">-- <br>Bob</div></body></html>`,
  ],
  [
    "Proton",
    `<div style="font-family: Arial; font-size: 14px;">Fine with me.</div><div class="protonmail_signature_block"><div class="protonmail_signature_block-proton">Sent with <a target="_blank" href="https://proton.me/mail/home">Proton Mail</a> secure email.</div></div><div class="protonmail_quote">On Monday, March 4th, 2024 at 9:05 AM, Ann Example &lt;ann@site.example&gt; wrote:<br><blockquote class="protonmail_quote" type="cite">Shall we meet?</blockquote></div>`,
  ],
  [
    "Zimbra",
    `<html><body><div style="font-family: arial"><div>Fine with me.</div><div><br></div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>De: </b>"Ann Example" &lt;ann@site.example&gt;<br><b>À: </b>"Bob Example" &lt;bob@site.example&gt;<br><b>Envoyé: </b>Lundi 4 Mars 2024 09:05:00<br><b>Objet: </b>Meeting<br></div><div><br></div><div data-marker="__QUOTED_TEXT__">Shall we meet?</div></div></body></html>`,
  ],
  [
    "Zoho",
    `<div style="font-family: Verdana;"><div>Fine with me.<br></div><div class="zmail_extra" data-zbluepencil-ignore="true"><div><br></div><div id="Zm-_Id_-Sgn1">---- On Mon, 04 Mar 2024 09:05:00 +0100 <b>Ann Example &lt;ann@site.example&gt;</b> wrote ---<br></div><div><br></div><blockquote id="blockquote_zmail" style="margin: 0px;"><div>Shall we meet?</div></blockquote></div></div>`,
  ],
  [
    "Mail.ru",
    `<HTML><BODY><div>Fine with me.</div><blockquote style="border-left:1px solid #0857A6; margin:10px; padding:0 0 0 10px;">Понедельник, 4 марта 2024, 9:05 +03:00 от Ann Example &lt;ann@site.example&gt;:<br><div id=""><div>Shall we meet?</div></div></blockquote></BODY></HTML>`,
  ],
  [
    "Yandex",
    `<div>Fine with me.</div><div> </div><div>04.03.2024, 09:05, "Ann Example" &lt;ann@site.example&gt;:</div><blockquote><p>Shall we meet?</p></blockquote>`,
  ],
  [
    "GMX and WEB.DE",
    `<html><head></head><body><div style="font-family: Verdana;font-size: 12.0px;"><div>Fine with me.</div><div> <div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0 0 10px 0;"><b>Gesendet:</b> Montag, 04. März 2024 um 09:05 Uhr<br/><b>Von:</b> "Ann Example" &lt;ann@site.example&gt;<br/><b>An:</b> "Bob Example" &lt;bob@site.example&gt;<br/><b>Betreff:</b> Treffen</div><div name="quoted-content">Shall we meet?</div></div></div></div></body></html>`,
  ],
  [
    "HCL Notes",
    `<span style="font-size:10pt;font-family:sans-serif">Fine with me.</span><br><br><br><br><span style="font-size:9pt;color:#5f5f5f">Von: &nbsp; &nbsp; &nbsp; &nbsp;</span><span style="font-size:9pt">"Ann Example" &lt;ann@site.example&gt;</span><br><span style="font-size:9pt;color:#5f5f5f">An: &nbsp; &nbsp; &nbsp; &nbsp;</span><span>bob@site.example</span><br><span>Datum: &nbsp; &nbsp; &nbsp; &nbsp;</span><span>04.03.2024 09:05</span><br><span>Betreff: &nbsp; &nbsp; &nbsp; &nbsp;</span><span>Treffen</span><br><hr noshade><br><br>Shall we meet?`,
  ],
  [
    "HCL Notes, header as a table",
    `<font size=2 face="sans-serif">Fine with me.</font><br><br><br><table width=100%><tr><td width=40%><font size=1 face="sans-serif"><b>Ann Example &lt;ann@site.example&gt;</b></font><p><font size=1 face="sans-serif">04.03.2024 09:05</font></td><td width=59%><table width=100%><tr><td align=right><font size=1 face="sans-serif">An</font></td><td><font size=1 face="sans-serif">bob@site.example</font></td></tr><tr><td align=right><font size=1 face="sans-serif">Kopie</font></td><td></td></tr><tr><td align=right><font size=1 face="sans-serif">Thema</font></td><td><font size=1 face="sans-serif">Treffen</font></td></tr></table></td></tr></table><br>Shall we meet?`,
  ],
  [
    "Fastmail",
    `<!DOCTYPE html><html><head><title></title></head><body><div>Fine with me.<br></div><div><br></div><div>On Mon, Mar 4, 2024, at 9:05 AM, Ann Example wrote:<br></div><blockquote type="cite" id="qt" style="overflow-wrap:break-word;"><div>Shall we meet?</div></blockquote></body></html>`,
  ],
  [
    "HEY",
    `<div class="trix-content"><div>Fine with me.</div></div><div><br>On March 4, 2024, Ann Example &lt;ann@site.example&gt; wrote:</div><blockquote class="hey_quote" type="cite"><div>Shall we meet?</div></blockquote>`,
  ],
  [
    "Spark",
    `<html><body><div name="messageBodySection"><div dir="auto">Fine with me.</div></div><div name="messageSignatureSection"><br><div class="matchFont">Bob Example</div></div><div name="messageReplySection">Xyzzy plugh Ann Example qwerty:<br><blockquote type="cite" style="border-left-color: grey; border-left-width: thin;">Shall we meet?</blockquote></div></body></html>`,
  ],
  [
    "Airmail",
    `<html><body><div id="bloop_customfont">Fine with me.</div><br><div id="bloop_sign_1" class="bloop_sign"><div>Bob</div></div><br><p class="airmail_on">On 4 March 2024 at 09:05:00, Ann Example (<a href="mailto:ann@site.example">ann@site.example</a>) wrote:</p><blockquote type="cite" class="clean_bq"><span><div>Shall we meet?</div></span></blockquote></body></html>`,
  ],
  [
    "Samsung",
    `<html><head></head><body dir="auto">Fine with me.<div dir="auto"><br></div><div id="composer_signature" dir="auto"><div style="font-size:12px;color:#575757" dir="auto">Von meinem Galaxy gesendet</div></div><div><br></div><div align="left" dir="auto" style="font-size:100%;color:#000000"><div>-------- Ursprüngliche Nachricht --------</div><div>Von: Ann Example &lt;ann@site.example&gt; </div><div>Datum: 04.03.24  09:05  (GMT+01:00) </div><div>An: Bob Example &lt;bob@site.example&gt; </div><div>Betreff: Treffen </div><div><br></div></div>Shall we meet?</body></html>`,
  ],
  [
    "K-9 and Thunderbird for Android",
    `<html><head></head><body dir="auto">Fine with me.<br><br><div class="gmail_quote"><div dir="auto">Am 4. März 2024 09:05:00 MEZ schrieb Ann Example &lt;ann@site.example&gt;:</div><blockquote class="gmail_quote" style="margin: 0pt 0pt 0pt 0.8ex; border-left: 1px solid rgb(204, 204, 204); padding-left: 1ex;">Shall we meet?</blockquote></div></body></html>`,
  ],
  [
    "Roundcube",
    `<html><head></head><body style='font-size: 10pt'><p>Fine with me.</p><p id="reply-intro">Am 2024-03-04 09:05, schrieb Ann Example:</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid; margin: 0"><div>Shall we meet?</div></blockquote></body></html>`,
  ],
  [
    "QQ Mail",
    `<div>Fine with me.</div><div><br></div><div style="font-size: 12px;padding:2px 0;">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b>&nbsp;"Ann Example"&lt;ann@site.example&gt;;</div><div><b>发送时间:</b>&nbsp;2024年3月4日(星期一) 上午9:05</div><div><b>收件人:</b>&nbsp;"bob"&lt;bob@site.example&gt;;</div><div><b>主题:</b>&nbsp;Meeting</div></div><div>Shall we meet?</div>`,
  ],
  [
    "Foxmail",
    `<div>Fine with me.</div><div><br></div><hr style="width: 210px; height: 1px;" color="#b5c4df" size="1" align="left"><div><span>bob@site.example</span></div><blockquote style="margin-Top: 0px; margin-Bottom: 0px; margin-Left: 0.5em"><div>&nbsp;</div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><div style="font-size: 12px;background:#efefef;"><div><b>发件人：</b>&nbsp;<a href="mailto:ann@site.example">Ann Example</a></div><div><b>发送时间：</b>&nbsp;2024-03-04&nbsp;09:05</div><div><b>收件人：</b>&nbsp;bob</div><div><b>主题：</b>&nbsp;Meeting</div></div></div><div>Shall we meet?</div></blockquote>`,
  ],
  [
    "NetEase",
    `<div style="line-height:1.7;color:#000000;font-size:14px;font-family:Arial"><div>Fine with me.</div><br><br><p>At 2024-03-04 09:05:00, "Ann Example" &lt;ann@site.example&gt; wrote:</p><blockquote id="isReplyContent" style="PADDING-LEFT: 1ex; MARGIN: 0px 0px 0px 0.8ex; BORDER-LEFT: #ccc 1px solid"><div>Shall we meet?</div></blockquote></div>`,
  ],
  [
    "NetEase Mail Master",
    `<div>Fine with me.</div><br><div id="ntes-pcmac-signature"></div><div class="ntes-mailmaster-quote"><div style="margin-top:30px;">---- 回复的原邮件 ----</div><table><tbody><tr><td>发件人</td><td>Ann Example&lt;ann@site.example&gt;</td></tr><tr><td>发送日期</td><td>2024年03月04日 09:05</td></tr><tr><td>收件人</td><td>bob@site.example</td></tr><tr><td>主题</td><td>Meeting</td></tr></tbody></table><div>Shall we meet?</div></div>`,
  ],
  [
    "Naver",
    `<div style="font-size:10pt; font-family:Gulim;"><p>Fine with me.</p><p>&nbsp;</p><p class="se_replyArea">-----Original Message-----<br><b>From:</b> "Ann Example"&lt;ann@site.example&gt;<br><b>To:</b> &lt;bob@site.example&gt;; <br><b>Cc:</b> <br><b>Sent:</b> 2024-03-04 (월) 09:05:00 (GMT+09:00)<br><b>Subject:</b> Meeting<br></p><p>Shall we meet?</p></div>`,
  ],
  [
    "Front",
    `<div><div class="front-body">Fine with me.</div><div class="front-signature">Bob</div><blockquote type="cite" class="front-blockquote"><div>On March 4, 2024 at 9:05 AM GMT+1 <a href="mailto:ann@site.example">ann@site.example</a> wrote:</div><div>Shall we meet?</div></blockquote></div>`,
  ],
  [
    "Tutanota",
    `<div dir="auto">Fine with me.</div><div dir="auto"><br></div><div dir="auto">4 Mar 2024, 09:05 by ann@site.example:</div><blockquote class="tutanota_quote" style="border-left: 1px solid #93A3B8; padding-left: 10px; margin-left: 5px;"><div dir="auto">Shall we meet?</div></blockquote>`,
  ],
  [
    "GroupWise",
    `<div>Fine with me.</div><br><br>&gt;&gt;&gt; Ann Example &lt;ann@site.example&gt; 04/03/2024 09:05 &gt;&gt;&gt;<br><div>Shall we meet?</div>`,
  ],
  [
    "a ticket system's line",
    `<div>Fine with me.</div><div style="color:#b5b5b5">##- Please type your reply above this line -##</div><div>Shall we meet?</div>`,
  ],
];
